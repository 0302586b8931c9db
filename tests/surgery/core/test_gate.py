"""The gate lets through what was promised and catches verbs that lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ssdh_surgery import Document, parse
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import GateRefused, SchemaError, SurgeryError
from ssdh_surgery.prototxt.cst import Entry, Message, Scalar
from ssdh_surgery.prototxt.edits import Edit, apply
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.surgery.core import gate
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.core.promise import Promise
from ssdh_surgery.surgery.core.step import Delete, Insert, PromiseStep, Set
from ssdh_surgery.surgery.verbs import blobs, fields, layers
from support.entries import entries, keeps_comments
from support.net_files import net_files
from support.strategies import searched

NET = """name: "n"
layer {
  name: "a"
  type: "ReLU"
  bottom: "x"  # bottom: "y"
}
# top: "x"
layer {
  name: "b"
  type: "ReLU"
  bottom: ["x", "y"]
}
"""
BUG = "\nhint: this is a bug in ssdh-surgery, not in your file; please report it"
OTHERWISE = "n.prototxt: the edits do not do what was promised, at "

NAME_OF_A = (("layer", 0), ("name", 0))
TYPE_OF_A = (("layer", 0), ("type", 0))


def swap(old: str, new: str, text: str = NET) -> Edit:
    """An edit of the only place where a text stands."""
    assert text.count(old) == 1
    start = text.index(old)
    return Edit(start, start + len(old), new)


RENAME = swap('name: "a"', 'name: "c"')

# What a verb does, what it promises, and where it is caught.
LIARS: list[tuple[str, Sequence[Edit], Sequence[PromiseStep], str]] = [
    (
        "an-edit-too-many",
        [RENAME, swap('bottom: "x"', 'bottom: "z"')],
        [Set(NAME_OF_A, "c")],
        "layer[0].bottom[0]: promised b'x', found b'z'",
    ),
    (
        "an-edit-too-few",
        [RENAME],
        [Set(NAME_OF_A, "c"), Set(TYPE_OF_A, "TanH")],
        "layer[0].type[0]: promised b'TanH', found b'ReLU'",
    ),
    ("no-edit", [], [Set(NAME_OF_A, "c")], "layer[0].name[0]: promised b'c', found b'a'"),
    ("no-promise", [RENAME], [], "layer[0].name[0]: promised b'a', found b'c'"),
    (
        "a-wrong-value",
        [RENAME],
        [Set(NAME_OF_A, "d")],
        "layer[0].name[0]: promised b'd', found b'c'",
    ),
    (
        "a-wrong-kind-of-value",
        [swap('name: "a"', "name: a")],
        [Set(NAME_OF_A, "a")],
        "layer[0].name[0]: promised b'a', found 'a'",
    ),
    (
        "a-wrong-layer",
        [swap('name: "b"', 'name: "c"')],
        [Set(NAME_OF_A, "c")],
        "layer[0].name[0]: promised b'c', found b'a'",
    ),
    (
        "a-wrong-item",
        [swap('["x", "y"]', '["x"]')],
        [Delete((("layer", 1), ("bottom", 0)))],
        "layer[1].bottom[0]: promised b'y', found b'x'",
    ),
    (
        "a-wrong-order",
        [Edit.insertion(len(NET), 'layer { name: "d" } layer { name: "c" }')],
        [Insert((("layer", 2),), [("name", "c")]), Insert((("layer", 2),), [("name", "d")])],
        "layer[2].name[0]: promised b'c', found b'd'",
    ),
    (
        "a-wrong-place",
        [Edit.insertion(0, 'layer { name: "c" } ')],
        [Insert((("layer", 2),), [("name", "c")])],
        "layer[0].name[0]: promised b'a', found b'c'",
    ),
    (
        "a-layer-lost",
        [Edit.deletion(NET.index("# top"), len(NET))],
        [],
        "layer: promised 2 values, found 1",
    ),
    (
        "a-layer-promised-to-go",
        [],
        [Delete((("layer", 1),))],
        "layer: promised 1 values, found 2",
    ),
    (
        "a-comment-turned-into-a-field",
        [swap('# top: "x"', 'top: "x"')],
        [],
        "top: promised 0 values, found 1",
    ),
    (
        "a-trailing-comment-turned-into-a-field",
        [swap('# bottom: "y"', 'bottom: "y"')],
        [],
        "layer[0].bottom: promised 1 values, found 2",
    ),
    (
        "a-field-turned-into-a-comment",
        [swap('bottom: "x"', '# bottom: "x"')],
        [],
        "layer[0].bottom: promised 1 values, found 0",
    ),
    (
        "an-edit-inside-a-string",
        [Edit.insertion(NET.index("eLU"), " ")],
        [],
        "layer[0].type[0]: promised b'ReLU', found b'R eLU'",
    ),
    (
        "a-field-moved-into-its-neighbour",
        [swap('bottom: ["x", "y"]\n}', ""), Edit.insertion(len(NET), 'bottom: ["x", "y"]\n}')],
        [Insert((("layer", 2),), [])],
        "layer: promised 3 values, found 2",
    ),
    (
        "more-in-what-is-inserted",
        [Edit.insertion(len(NET), 'layer { name: "c" top: "d" }')],
        [Insert((("layer", 2),), [("name", "c")])],
        "layer[2].top: promised 0 values, found 1",
    ),
]


@pytest.mark.parametrize(
    ("edits", "steps", "said"), [pytest.param(*case[1:], id=case[0]) for case in LIARS]
)
def test_a_lie_is_refused(edits: list[Edit], steps: list[PromiseStep], said: str) -> None:
    with pytest.raises(GateRefused) as caught:
        prove(parse(NET.encode(), "n.prototxt"), Change.of(edits, steps), "NetParameter")
    assert str(caught.value) == OTHERWISE + said + BUG


def test_text_that_no_longer_parses_is_refused() -> None:
    change = Change.of([swap('"ReLU"\n  bottom: "x"', '"ReLU\n  bottom: "x"')], [])
    with pytest.raises(GateRefused) as caught:
        prove(parse(NET.encode(), "n.prototxt"), change, "NetParameter")
    assert str(caught.value) == (
        "n.prototxt: the edited text no longer parses: n.prototxt:4:9: this string has no "
        'closing " on its line\n  4 |   type: "ReLU\n    |         ^^^^^' + BUG
    )


def test_a_promise_about_nothing_is_refused() -> None:
    change = Change.of([RENAME], [Set((("layer", 5), ("name", 0)), "c")])
    with pytest.raises(GateRefused) as caught:
        prove(parse(NET.encode(), "n.prototxt"), change, "NetParameter")
    assert str(caught.value).startswith("n.prototxt: the promise has a path that leads nowhere: ")


def test_what_protobuf_accepted_before_it_must_accept_after() -> None:
    change = Change.of([Edit.insertion(0, 'name: "m"\n')], [Insert((("name", 0),), "m")])
    with pytest.raises(GateRefused) as caught:
        prove(parse(NET.encode(), "n.prototxt"), change, "NetParameter")
    assert str(caught.value) == (
        "n.prototxt: protobuf read the file before the edits and refuses it after: "
        'n.prototxt:2:7: Message type "NetParameter" should not have multiple "name" fields\n'
        '  2 | name: "n"\n    |       ^' + BUG
    )


@dataclass(frozen=True)
class TreeOnly(Promise):
    """A promise that is kept to our tree, and not to protobuf."""

    def apply(self, message: Any) -> None:
        message.name = "else"


def test_protobuf_is_a_judge_of_its_own() -> None:
    change = Change((RENAME,), TreeOnly((Set(NAME_OF_A, "c"),)))
    with pytest.raises(GateRefused) as caught:
        prove(parse(NET.encode(), "n.prototxt"), change, "NetParameter")
    assert str(caught.value) == ("n.prototxt: protobuf does not read what was promised" + BUG)


NOT_CAFFES: list[tuple[str, NewFields, str]] = [
    (
        "field",
        [("nam", "c")],
        '<new text>:2:3: Message type "LayerParameter" has no field named "nam"\n'
        '  2 |   nam: "c"\n    |   ^',
    ),
    (
        "enum",
        [("phase", Word("NONE"))],
        '<new text>:2:10: Enum type "Phase" has no value named NONE\n'
        "  2 |   phase: NONE\n    |          ^",
    ),
    (
        "type",
        [("name", 5)],
        "<new text>:2:9: Expected string but found: '5'\n  2 |   name: 5\n    |         ^",
    ),
]


@pytest.mark.parametrize("before", [NET, "fork: 1\n" + NET], ids=["caffes", "a-forks"])
@pytest.mark.parametrize(
    ("new", "said"), [pytest.param(*case[1:], id=case[0]) for case in NOT_CAFFES]
)
def test_what_is_inserted_must_be_caffes(before: str, new: NewFields, said: str) -> None:
    net = Net(parse(before.encode(), "n.prototxt"))
    change = layers.insert_after(net.layers[0], [new])
    with pytest.raises(SchemaError) as caught:
        prove(net.document, change, "NetParameter")
    assert str(caught.value) == said


CANNOT_JUDGE = "protobuf cannot read this file, so only our own parser judges: n.prototxt:"
# What only a fork's Caffe reads, or none, and how the warning goes on.
FORKS = [
    (
        "field",
        "  expand_ratio: 2\n",
        '12:3: Message type "LayerParameter" has no field named "expand_ratio"\n'
        "  12 |   expand_ratio: 2\n     |   ^",
    ),
    (
        "message",
        "  multibox_param { code_type: CENTER }\n",
        '12:3: Message type "LayerParameter" has no field named "multibox_param"\n'
        "  12 |   multibox_param { code_type: CENTER }\n     |   ^",
    ),
    (
        "enum",
        "  pooling_param { pool: MEDIAN }\n",
        '12:25: Enum type "PoolingParameter.PoolMethod" has no value named MEDIAN\n'
        "  12 |   pooling_param { pool: MEDIAN }\n     |                         ^",
    ),
    (
        "twice",
        '  name: "again"\n',
        '12:9: Message type "LayerParameter" should not have multiple "name" fields\n'
        '  12 |   name: "again"\n     |         ^',
    ),
]


@pytest.mark.parametrize(("fork", "said"), [pytest.param(*case[1:], id=case[0]) for case in FORKS])
def test_where_protobuf_refuses_before_the_tree_judges(fork: str, said: str) -> None:
    text = NET.replace('bottom: ["x", "y"]\n', 'bottom: ["x", "y"]\n' + fork)
    document = parse(text.encode(), "n.prototxt")
    proven = prove(document, Change.of([RENAME], [Set(NAME_OF_A, "c")]), "NetParameter")
    assert proven.document.text == text.replace('name: "a"', 'name: "c"')
    (warning,) = proven.warnings
    assert warning == CANNOT_JUDGE + said


@pytest.mark.parametrize("fork", [pytest.param(case[1], id=case[0]) for case in FORKS])
def test_a_forks_field_must_not_be_lost(fork: str) -> None:
    text = NET.replace('bottom: ["x", "y"]\n', 'bottom: ["x", "y"]\n' + fork)
    document = parse(text.encode(), "n.prototxt")
    change = Change.of([RENAME, swap(fork, "", text)], [Set(NAME_OF_A, "c")])
    with pytest.raises(GateRefused) as caught:
        prove(document, change, "NetParameter")
    name = fork.split()[0].rstrip(":")
    count = (2, 1) if name == "name" else (1, 0)
    said = f"layer[1].{name}: promised {count[0]} values, found {count[1]}"
    assert str(caught.value) == OTHERWISE + said + BUG


def test_a_forks_value_must_not_be_changed() -> None:
    text = NET + "fork_param { mode: FAST }\n"
    change = Change.of([RENAME, swap("FAST", "SLOW", text)], [Set(NAME_OF_A, "c")])
    with pytest.raises(GateRefused) as caught:
        prove(parse(text.encode(), "n.prototxt"), change, "NetParameter")
    said = "fork_param[0].mode[0]: promised 'FAST', found 'SLOW'"
    assert str(caught.value) == OTHERWISE + said + BUG


def test_nothing_to_do_is_the_same_document() -> None:
    document = parse(NET.encode())
    assert prove(document, Change(), "NetParameter").document is document


def test_layout_alone_needs_no_promise() -> None:
    document = parse(NET.encode())
    change = Change.of([Edit.insertion(0, "# hello\n")], [])
    assert prove(document, change, "NetParameter").document.text == "# hello\n" + NET


def _renamed(document: Document, old: str, new: str, index: int) -> Change:
    edits = [swap(f'name: "{old}"', f'name: "{new}"', document.text)]
    return Change.of(edits, [Set((("layer", index), ("name", 0)), new)])


def test_a_proof_goes_on_from_the_reading_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = parse(NET.encode(), "n.prototxt")
    proof = prove(first, _renamed(first, "a", "c", 0), "NetParameter")
    monkeypatch.setattr(gate, "_read", None)
    change = _renamed(proof.document, "b", "d", 1)
    second = prove(proof.document, change, "NetParameter", proof)
    third = prove(second.document, _renamed(second.document, "c", "e", 0), "NetParameter", second)
    assert third.document.text == NET.replace('name: "a"', 'name: "e"').replace(
        'name: "b"', 'name: "d"'
    )


@pytest.mark.parametrize(
    "refused",
    [
        pytest.param(Change.of([], [Set(NAME_OF_A, "lie")]), id="tree"),
        pytest.param(Change.of([], [Delete((("layer", 0),)), Delete((("x", 0),))]), id="path"),
        pytest.param(Change((Edit.insertion(0, "# hello\n"),), TreeOnly()), id="protobuf"),
        pytest.param(
            Change.of([Edit.insertion(0, "fork: 1 ")], [Insert((("fork", 0),), 1)]), id="schema"
        ),
    ],
)
def test_a_refused_change_leaves_no_trace_in_the_proof_before_it(refused: Change) -> None:
    first = parse(NET.encode(), "n.prototxt")
    proof = prove(first, _renamed(first, "a", "c", 0), "NetParameter")
    with pytest.raises((GateRefused, SchemaError)):
        prove(proof.document, refused, "NetParameter", proof)
    change = _renamed(proof.document, "b", "d", 1)
    second = prove(proof.document, change, "NetParameter", proof)
    assert second.document.text == NET.replace('name: "a"', 'name: "c"').replace(
        'name: "b"', 'name: "d"'
    )


def test_a_proof_can_be_gone_on_from_twice() -> None:
    first = parse(NET.encode(), "n.prototxt")
    proof = prove(first, _renamed(first, "a", "c", 0), "NetParameter")
    texts = {
        prove(
            proof.document, _renamed(proof.document, "b", name, 1), "NetParameter", proof
        ).document.text
        for name in ("d", "e")
    }
    assert len(texts) == 2


def test_protobuf_judges_again_once_what_it_refused_is_gone() -> None:
    document = parse(b"fork: 1\n" + NET.encode(), "n.prototxt")
    change = fields.take_out(document.root.entries("fork"), "delete")
    proof = prove(document, change, "NetParameter")
    assert len(proof.warnings) == 1
    lie = Change((swap('name: "a"', 'name: "c"'),), TreeOnly((Set(NAME_OF_A, "c"),)))
    with pytest.raises(GateRefused, match="protobuf does not read what was promised"):
        prove(proof.document, lie, "NetParameter", proof)


def test_the_proof_of_another_document_is_an_error() -> None:
    one, other = parse(NET.encode()), parse(NET.encode())
    proof = prove(one, _renamed(one, "a", "c", 0), "NetParameter")
    with pytest.raises(AssertionError):
        prove(other, _renamed(other, "a", "c", 0), "NetParameter", proof)


def test_deep_nesting_is_refused_with_its_place() -> None:
    text = "m {" * 101 + "}" * 101
    with pytest.raises(SurgeryError) as caught:
        prove(parse(text.encode(), "n.prototxt"), Change(), "NetParameter")
    assert str(caught.value).splitlines()[0] == (
        "n.prototxt:1:303: messages are nested 101 deep; no net needs more than 100"
    )


# ---------------------------------------------------------------- any verb on any net


LATENT: NewFields = [
    ("name", "latent\udce9"),
    ("bottom", "x"),
    ("param", [("lr_mult", Decimal("0.1"))]),
]


def _change(net: Net, draw: st.DataObject) -> Change:
    """Some verb on some part of a net."""

    def some(values: Sequence[Any]) -> Any:
        assume(values)
        return draw.draw(st.sampled_from(values))

    def scalars(*names: str) -> list[Entry]:
        found = [entry for entry in entries(net.document) if isinstance(entry.value, Scalar)]
        return [entry for entry in found if entry.field.name in names]

    def several(values: Sequence[Any]) -> Any:
        return draw.draw(st.lists(st.sampled_from(values or [None]), max_size=3, unique=True))

    new = [LATENT] * draw.draw(st.integers(1, 2))
    how = some(["comment", "delete"])
    beside = some([fields.add_after, fields.add_before])
    lay_beside = some([layers.insert_after, layers.insert_before])
    verbs: dict[str, Any] = {
        "insert": lambda: lay_beside(some(net.layers), new, some([None, "why\nnot"])),
        "take out": lambda: layers.take_out(several(net.layers) if net.layers else [], how),
        "replace": lambda: layers.replace(some(net.layers), several(net.layers), new, how),
        "replace all after": lambda: (
            layers.replace(net.layers[1], net.layers[draw.draw(st.integers(0, 2)) :], new, how)
            if len(net.layers) > 1
            else Change()
        ),
        "rename": lambda: layers.rename(some(net.layers), "other"),
        "rename blob": lambda: blobs.rename(
            net, some(net.layers), 0, some(["other", "fc"]), some([None, "TRAIN", "TEST"])
        ),
        "rewire": lambda: blobs.rewire(some([x for x in net.layers if x.bottoms]), 0, "other"),
        "set": lambda: fields.set_value(some(scalars("name", "top")), some(["it's", "\udcff\n"])),
        "scale": lambda: fields.scale(some(scalars("lr_mult", "blobs_lr", "std")), Decimal(10)),
        "put": lambda: fields.put(net.root, "force_backward", True),
        "add": lambda: beside(some(scalars("top", "bottom")), [("top", "y"), ("bottom", "z")]),
        "take any": lambda: fields.take_out(several(entries(net.document)), how),
    }
    change = verbs[some(list(verbs))]()
    assert isinstance(change, Change)
    return change


@searched
@given(net_files(0.2), st.data())
def test_any_verb_on_any_net_does_what_it_promises(data: bytes, draw: st.DataObject) -> None:
    net = Net(parse(data))
    try:
        change = _change(net, draw)
    except SurgeryError:
        assume(False)
    proven = prove(net.document, change, "NetParameter")
    after = proven.document
    assert bytes(after) == apply(net.document.text, change.edits).encode("utf-8", "surrogateescape")
    if not any(edit.is_deletion for edit in change.edits):
        assert keeps_comments(net.document, after)


@searched
@given(net_files(0.2), st.sampled_from([0, 1]), st.data())
def test_an_edit_that_was_not_promised_is_caught(
    data: bytes, more: int, draw: st.DataObject
) -> None:
    """Whatever is taken away or put in beside what was promised."""
    net = Net(parse(data))
    assume(net.layers)
    layer = draw.draw(st.sampled_from(net.layers))
    promised = layers.rename(layer, "other")
    if more:
        message = draw.draw(st.sampled_from(_messages(net.document)))
        extra = fields.add_inside(message, [("more", 1)])
    else:
        extra = fields.take_out([draw.draw(st.sampled_from(entries(net.document)))], "comment")
    both = merge([promised, extra])
    with pytest.raises(GateRefused):
        prove(net.document, Change(both.edits, promised.promise), "NetParameter")


def _messages(document: Document) -> list[Message]:
    values = [entry.value for entry in entries(document)]
    return [document.root, *(value for value in values if isinstance(value, Message))]
