"""Verbs on one field, each with its no-op twin."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from ssdh_surgery import Document, parse
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Entry, Message
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.verbs import fields
from ssdh_surgery.surgery.verbs.fields import Removal
from support.entries import marked


def here(document: Document) -> Entry:
    return marked(document, "here")[0]


def made(document: Document, change: Change) -> str:
    """The text after a change, proven where its fields are Caffe's."""
    after = prove(document, change, "SolverParameter").document
    return after.text


def only(text: str, name: str) -> tuple[Document, Entry]:
    document = parse(text.encode("utf-8", "surrogateescape"), "s.prototxt")
    entry = document.root.entry(name)
    assert entry is not None
    return document, entry


SET: list[tuple[str, str, object, str]] = [
    ("number", "base_lr: 0.01 # c", Decimal("0.001"), "base_lr: 0.001 # c"),
    ("float", "base_lr: 0.01", 1e-9, "base_lr: 1e-09"),
    ("integer", "base_lr: 0x10", 17, "base_lr: 17"),
    ("sign", "base_lr: - 1", 1, "base_lr: 1"),
    ("string", "net: 'a'  net_param { }", "b", "net: 'b'  net_param { }"),
    ("string-in-parts", 'net: "a"\n  "b" # c', "ab c", 'net: "ab c" # c'),
    ("bytes", 'net: "a"', "\udce9", r'net: "\351"'),
    ("word", "solver_mode: GPU", Word("CPU"), "solver_mode: CPU"),
    ("flag", "debug_info: false", True, "debug_info: true"),
    ("number-for-a-number-in-words", "base_lr: inf", 1, "base_lr: 1"),
]


@pytest.mark.parametrize(
    ("before", "value", "after"), [pytest.param(*case[1:], id=case[0]) for case in SET]
)
def test_set_value(before: str, value: object, after: str) -> None:
    document, entry = only(before, before.split(":")[0])
    assert made(document, fields.set_value(entry, value)) == after


def test_set_value_of_an_item() -> None:
    document, _ = only("stepvalue: [1, 2, 3]", "stepvalue")
    second = document.root.entries("stepvalue")[1]
    assert made(document, fields.set_value(second, 5)) == "stepvalue: [1, 5, 3]"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("a: 10", 10, id="same"),
        pytest.param("a: 0x0A", 10, id="hex"),
        pytest.param("a: 012", 10, id="octal"),
        pytest.param("a: 1e1", 10, id="exponent"),
        pytest.param("a: 10.0f", Decimal("1E+1"), id="float"),
        pytest.param("a: - 10.", -10.0, id="sign"),
        pytest.param("a: nan", Word("nan"), id="nan"),
        pytest.param("a: snan", Word("snan"), id="word-like-a-number"),
        pytest.param("a: 'b' \"c\"", "bc", id="string-in-parts"),
        pytest.param(r'a: "\x62"', "b", id="escapes"),
        pytest.param('a: "\udce9"', "\udce9", id="bytes"),
        pytest.param("a: LMDB", Word("LMDB"), id="word"),
        pytest.param("a: True", True, id="true"),
        pytest.param("a: 1", True, id="true-as-a-number"),
        pytest.param("a: f", False, id="false"),
    ],
)
def test_set_value_noop(text: str, value: object) -> None:
    _, entry = only(text, "a")
    assert fields.set_value(entry, value) == Change()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param('a: "10"', 10, id="string-is-no-number"),
        pytest.param("a: b", "b", id="word-is-no-string"),
        pytest.param("a: 0.1", 0.10000001, id="nearly"),
        pytest.param("a: nan", Word("inf"), id="nan"),
        pytest.param("a: snan", 1, id="word-like-a-number"),
    ],
)
def test_set_value_of_what_only_looks_alike(text: str, value: object) -> None:
    _, entry = only(text, "a")
    assert fields.set_value(entry, value)


def test_a_message_cannot_be_set() -> None:
    _, entry = only("net_param {\n}\n", "net_param")
    with pytest.raises(SurgeryError) as caught:
        fields.set_value(entry, "x")
    assert str(caught.value) == (
        "s.prototxt:1:1: 'net_param' is a message, not a value\n  1 | net_param {\n    | ^^^^^^^^^"
    )


@pytest.mark.parametrize(
    ("text", "factor", "after"),
    [
        pytest.param("0.01", "0.1", "0.001", id="decimal"),
        pytest.param("0.1", "3", "0.3", id="no-binary-noise"),
        pytest.param("1", "10", "10", id="integer"),
        pytest.param("- 1", "10", "-10", id="sign"),
        pytest.param("1e-3", "0.1", "0.0001", id="exponent"),
        pytest.param("1e-9", "0.1", "1e-10", id="small"),
        pytest.param(".5f", "10", "5", id="float"),
        pytest.param("0.01", "0.3333333333333333333333333333", "0.00333333333", id="long"),
        pytest.param("0.123456789012345", "10", "1.23456789012345", id="many-digits"),
    ],
)
def test_scale(text: str, factor: str, after: str) -> None:
    document, entry = only(f"base_lr: {text} # c", "base_lr")
    assert made(document, fields.scale(entry, Decimal(factor))) == f"base_lr: {after} # c"


@pytest.mark.parametrize("text", ["0", "0.0", "-0"])
def test_scale_noop_of_zero(text: str) -> None:
    assert fields.scale(only(f"a: {text}", "a")[1], Decimal(10)) == Change()


def test_scale_noop_of_one() -> None:
    assert fields.scale(only("a: 0.30", "a")[1], Decimal(1)) == Change()


@pytest.mark.parametrize(
    ("text", "width"),
    [
        pytest.param("fixed", 5, id="word"),
        pytest.param('"1"', 3, id="string"),
        pytest.param("inf", 3, id="infinity"),
        pytest.param("nan", 3, id="nan"),
        pytest.param("snan", 4, id="word-like-a-number"),
        pytest.param("1e999999", 8, id="too-large"),
    ],
)
def test_what_is_no_number_cannot_be_scaled(text: str, width: int) -> None:
    _, entry = only(f"a: {text}", "a")
    with pytest.raises(SurgeryError) as caught:
        fields.scale(entry, Decimal(10))
    assert str(caught.value) == (
        f"s.prototxt:1:4: 'a' is not a number\n  1 | a: {text}\n    |    {'^' * width}"
    )


def test_a_message_cannot_be_scaled() -> None:
    _, entry = only("a { }", "a")
    with pytest.raises(SurgeryError, match="'a' is not a number"):
        fields.scale(entry, Decimal(10))


@pytest.mark.parametrize(
    ("text", "number"),
    [("017", "15"), ("0x1f", "31"), ("1.50", "1.5"), ("2f", "2"), ("inf", None), ("x", None)],
)
def test_number_of(text: str, number: str | None) -> None:
    assert fields.number_of(text) == (None if number is None else Decimal(number))


Adding = Callable[[Entry, NewFields], Change]
SOLVER = "net: 'n'\nmomentum: 0.9  # m\ndisplay: 20\n"


@pytest.mark.parametrize(
    ("add", "new", "after"),
    [
        pytest.param(
            fields.add_after,
            [("weight_decay", Decimal("0.0005"))],
            "net: 'n'\nmomentum: 0.9  # m\nweight_decay: 0.0005\ndisplay: 20\n",
            id="after",
        ),
        pytest.param(
            fields.add_before,
            [("snapshot_prefix", "s"), ("max_iter", 5)],
            "net: 'n'\nsnapshot_prefix: 's'\nmax_iter: 5\nmomentum: 0.9  # m\ndisplay: 20\n",
            id="before",
        ),
        pytest.param(
            fields.add_after,
            [("train_state", [("level", 1)])],
            "net: 'n'\nmomentum: 0.9  # m\ntrain_state {\n  level: 1\n}\ndisplay: 20\n",
            id="message",
        ),
    ],
)
def test_add_beside(add: Adding, new: NewFields, after: str) -> None:
    document, entry = only(SOLVER, "momentum")
    assert made(document, add(entry, new)) == after


@pytest.mark.parametrize("add", [fields.add_after, fields.add_before], ids=["after", "before"])
def test_add_beside_noop(add: Adding) -> None:
    assert add(only(SOLVER, "momentum")[1], []) == Change()


@pytest.mark.parametrize(
    ("add", "after"),
    [
        pytest.param(fields.add_after, "test_iter: [1, 2, 9]", id="after"),
        pytest.param(fields.add_before, "test_iter: [1, 9, 2]", id="before"),
    ],
)
def test_add_to_a_list(add: Adding, after: str) -> None:
    document, entry = only("test_iter: [1, 2]", "test_iter")
    assert made(document, add(entry, [("test_iter", 9)])) == after


def test_add_beside_a_list_what_is_only_partly_of_it() -> None:
    document, _ = only("test_iter: [1, 2]\n", "test_iter")
    new: NewFields = [("test_iter", 9), ("max_iter", 5)]
    change = fields.add_after(document.root.entries("test_iter")[0], new)
    assert made(document, change) == "test_iter: [1, 2]\ntest_iter: 9\nmax_iter: 5\n"


def test_add_inside() -> None:
    document, entry = only("train_state { level: 1 }", "train_state")
    assert isinstance(entry.value, Message)
    change = fields.add_inside(entry.value, [("stage", "a"), ("stage", "b")])
    assert made(document, change) == 'train_state { level: 1 stage: "a" stage: "b" }'


def test_add_inside_noop() -> None:
    assert fields.add_inside(only(SOLVER, "net")[0].root, []) == Change()


def test_put_sets_what_is_there() -> None:
    document, _ = only(SOLVER, "net")
    assert made(document, fields.put(document.root, "display", 5)) == SOLVER.replace("20", "5")


def test_put_adds_what_is_missing() -> None:
    document, _ = only(SOLVER, "net")
    change = fields.put(document.root, "type", "SGD")
    assert made(document, change) == SOLVER + "type: 'SGD'\n"


NET_STATE = "train_state { stage: 'a'  # c\n  level: 1\n  # end\n}\n"


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        pytest.param(
            NET_STATE,
            [("level", 2), ("phase", Word("TEST"))],
            "train_state {\n  level: 2\n  phase: TEST\n  # end\n}\n",
            id="other-fields",
        ),
        pytest.param(
            NET_STATE,
            [("level", 1), ("stage", "b")],
            NET_STATE.replace("'a'", "'b'"),
            id="other-value",
        ),
        pytest.param(NET_STATE, [("level", 1), ("stage", "a")], NET_STATE, id="noop"),
        pytest.param(
            "train_state { level: 1, stage: 'a' }",
            [("level", 1), ("phase", Word("TEST"))],
            "train_state { level: 1, phase: TEST }",
            id="separators",
        ),
        pytest.param(
            "max_iter: 5\n",
            [("level", 1)],
            "max_iter: 5\ntrain_state {\n  level: 1\n}\n",
            id="missing",
        ),
    ],
)
def test_put_of_a_message_leaves_its_fields_and_no_others(
    before: str, value: NewFields, after: str
) -> None:
    document = parse(before.encode())
    assert made(document, fields.put(document.root, "train_state", value)) == after


def test_a_value_cannot_become_a_message() -> None:
    document, _ = only("max_iter: 5", "max_iter")
    with pytest.raises(SurgeryError, match=r"^s\.prototxt:1:11: 'max_iter' is a value, not a me"):
        fields.put(document.root, "max_iter", [("level", 1)])


def test_put_noop() -> None:
    document, _ = only(SOLVER, "net")
    assert fields.put(document.root, "display", 20) == Change()


@pytest.mark.parametrize(
    ("how", "after"),
    [
        pytest.param("delete", "net: 'n'\ndisplay: 20\n", id="delete"),
        pytest.param("comment", "net: 'n'\n# momentum: 0.9  # m\ndisplay: 20\n", id="comment"),
    ],
)
def test_take_out(how: Removal, after: str) -> None:
    document, entry = only(SOLVER, "momentum")
    assert made(document, fields.take_out([entry], how)) == after


def test_take_out_uses_the_line_breaks_of_the_file() -> None:
    document, entry = only("net: 'n' display: 20\r\nmax_iter: 1\r\n", "net")
    change = fields.take_out([entry], "comment")
    assert made(document, change) == "# net: 'n'\r\ndisplay: 20\r\nmax_iter: 1\r\n"


@pytest.mark.parametrize("how", ["comment", "delete"])
def test_take_out_noop(how: Removal) -> None:
    assert fields.take_out([], how) == Change()
