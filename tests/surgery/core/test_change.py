"""Promises say what edits do to the meaning, of our tree and of protobuf's message alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import OverlappingEdits, SchemaError
from ssdh_surgery.prototxt.edits import Edit
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.surgery.core.change import (
    Change,
    insertions_after,
    insertions_before,
    insertions_inside,
    merge,
    path_of,
    path_of_message,
)
from ssdh_surgery.surgery.core.new_values import strict_message
from ssdh_surgery.surgery.core.promise import Promise
from ssdh_surgery.surgery.core.semantics import tree_of
from ssdh_surgery.surgery.core.step import Delete, Insert, Path, PromiseStep, Set
from support.entries import at_path, entries, marked

NET = """name: "n"
layer { name: "a" bottom: ["x", "y"] param { lr_mult: 1 } param { lr_mult: 2 } }
layer { name: "b" convolution_param { num_output: 3 } }
"""

STEPS: list[tuple[str, Sequence[PromiseStep], str]] = [
    ("nothing", [], NET),
    ("set", [Set((("name", 0),), "m")], NET.replace('"n"', '"m"')),
    (
        "set-twice",
        [Set((("name", 0),), "l"), Set((("name", 0),), "m")],
        NET.replace('"n"', '"m"'),
    ),
    ("set-item", [Set((("layer", 0), ("bottom", 1)), "z")], NET.replace('"y"', '"z"')),
    ("delete", [Delete((("layer", 0), ("bottom", 0)))], NET.replace('"x", ', "")),
    ("delete-all", [Delete((("layer", 0),)), Delete((("layer", 1),))], 'name: "n"'),
    ("delete-single", [Delete((("name", 0),))], NET.replace('name: "n"\n', "")),
    ("insert-first", [Insert((("layer", 0),), [("name", "c")])], 'layer { name: "c" }' + NET),
    ("insert-last", [Insert((("layer", 2),), [("name", "c")])], NET + 'layer { name: "c" }'),
    ("insert-new", [Insert((("state", 0),), [("level", 1)])], NET + "state { level: 1 }"),
    (
        "insert-two-in-order",
        [Insert((("layer", 1),), [("name", "c")]), Insert((("layer", 1),), [("name", "d")])],
        NET.replace(
            'layer { name: "b"', 'layer { name: "c" } layer { name: "d" } layer { name: "b"'
        ),
    ),
    (
        "paths-are-of-the-old-message",
        [
            Insert((("layer", 0),), [("name", "c")]),
            Delete((("layer", 0), ("param", 0))),
            Set((("layer", 1), ("convolution_param", 0), ("num_output", 0)), 4),
        ],
        'layer { name: "c" }'
        + NET.replace("param { lr_mult: 1 } ", "").replace("num_output: 3", "num_output: 4"),
    ),
    (
        "delete-wins-over-what-is-within",
        [Set((("layer", 1), ("name", 0)), "c"), Delete((("layer", 1),))],
        NET[: NET.index('layer { name: "b"')],
    ),
    (
        "insert-in-the-place-of-what-goes",
        [Insert((("name", 0),), "m"), Delete((("name", 0),))],
        NET.replace('"n"', '"m"'),
    ),
    (
        "message-set",
        [Set((("layer", 1),), [("name", "c")])],
        NET[: NET.index('layer { name: "b"')] + 'layer { name: "c" }',
    ),
    ("message-of-nothing", [Insert((("state", 0),), [])], NET + "state { }"),
    (
        "enum",
        [Insert((("state", 0),), [("phase", Word("TRAIN"))])],
        NET + "state { phase: TRAIN }",
    ),
]


@pytest.mark.parametrize(
    ("steps", "expected"), [pytest.param(*case[1:], id=case[0]) for case in STEPS]
)
def test_promise(steps: list[PromiseStep], expected: str) -> None:
    promise = Promise(tuple(steps))
    tree = tree_of(parse(NET.encode()).root)
    promise.apply_tree(tree)
    assert tree == tree_of(parse(expected.encode()).root)
    message: Any = schema.parse_text(NET, "NetParameter")
    promise.apply(message)
    assert message == schema.parse_text(expected, "NetParameter")


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(Set((("layer", 2),), []), id="set-too-far"),
        pytest.param(Set((("state", 0),), []), id="set-nothing"),
        pytest.param(Delete((("layer", 0), ("bottom", 2))), id="delete-too-far"),
        pytest.param(Insert((("layer", 3),), []), id="insert-too-far"),
        pytest.param(Insert((("layer", 2), ("top", 0)), "x"), id="within-nothing"),
        pytest.param(Delete((("layers", 0), ("name", 0))), id="within-no-such-field"),
        pytest.param(Delete((("layer", -1),)), id="negative"),
    ],
)
def test_a_promise_of_what_is_not_there_is_an_error(step: PromiseStep) -> None:
    with pytest.raises(LookupError):
        Promise((step,)).apply_tree(tree_of(parse(NET.encode()).root))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        pytest.param(
            "lyer",
            [],
            '<new text>:1:1: Message type "NetParameter" has no field named "lyer"\n'
            "  1 | lyer {\n    | ^",
            id="field",
        ),
        pytest.param(
            "state",
            [("phase", Word("VALID"))],
            '<new text>:2:10: Enum type "Phase" has no value named VALID\n'
            "  2 |   phase: VALID\n    |          ^",
            id="enum",
        ),
        pytest.param("name", Word("a b: 1"), "'a b: 1' is more than one value of 'name'", id="two"),
        pytest.param(
            "name",
            Word("]"),
            "<new text>:1:7: expected a value for 'name', found ']'\n"
            "  1 | name: ]\n    |       ^\nhint: remove the ',' before ']'",
            id="unparsable",
        ),
    ],
)
def test_new_text_is_read_strictly(name: str, value: object, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        strict_message("NetParameter", name, value)
    assert str(caught.value) == message


def test_new_text_may_hold_bytes_that_are_not_utf_8() -> None:
    known: Any = strict_message("NetParameter", "name", "caf\udce9")
    assert known.name == "caf\uf7e9"


LIST = "a: 1 m { here: 0 a: 1 here: [1, 2] a: 1 here: 3 }"


@pytest.mark.parametrize(
    ("index", "new", "after", "before"),
    [
        pytest.param(0, [("here", 9)], 1, 0, id="field"),
        pytest.param(1, [("here", 9)], 2, 1, id="item"),
        pytest.param(2, [("here", 9)], 3, 2, id="last-item"),
        pytest.param(2, [("a", 9), ("here", 9)], 3, 1, id="beside-the-whole-list"),
        pytest.param(3, [("here", 9)], 4, 3, id="last"),
    ],
)
def test_paths_of_what_is_inserted(index: int, new: NewFields, after: int, before: int) -> None:
    entry = marked(parse(LIST.encode()), "here")[index]
    assert insertions_after(entry, new)[-1] == Insert((("m", 0), ("here", after)), 9)
    assert insertions_before(entry, new)[-1] == Insert((("m", 0), ("here", before)), 9)


def test_path_of_another_name_counts_what_stands_before() -> None:
    entry = marked(parse(LIST.encode()), "here")[1]
    assert insertions_after(entry, [("a", 9)]) == [Insert((("m", 0), ("a", 1)), 9)]


def test_paths_inside_a_message() -> None:
    document = parse(LIST.encode())
    message = document.root.message("m")
    assert message is not None
    new: NewFields = [("here", 9), ("b", 8), ("here", 7)]
    assert [step.path[-1] for step in insertions_inside(message, new)] == [
        ("here", 4),
        ("b", 0),
        ("here", 4),
    ]
    assert path_of_message(message) == (("m", 0),)
    assert path_of_message(document.root) == ()


def test_every_path_leads_back() -> None:
    document = parse(NET.encode())
    paths: list[Path] = [path_of(entry) for entry in entries(document)]
    assert len(set(paths)) == len(paths) == 13
    assert [at_path(document, path) for path in paths] == entries(document)


def test_merged_changes_take_away_once_what_two_take_away() -> None:
    one = Change.of([Edit.deletion(4, 9)], [Delete((("a", 0),))])
    other = Change.of([Edit.deletion(2, 5), Edit.insertion(9, "x")], [Delete((("b", 0),))])
    both = merge([one, other])
    assert both.edits == (Edit.deletion(2, 9), Edit.insertion(9, "x"))
    assert both.promise.steps == (*one.promise.steps, *other.promise.steps)


def test_merged_changes_of_the_same_text_are_refused() -> None:
    changes = [Change.of([Edit(4, 9, text)], []) for text in "xy"]
    with pytest.raises(OverlappingEdits, match=r"^two edits touch the same text: 4-9 and 4-9$"):
        merge(changes)


def test_a_change_is_true_where_there_is_something_to_do() -> None:
    assert not Change()
    assert not merge([Change(), Change()])
    assert Change.of([Edit.insertion(0, " ")], [])
