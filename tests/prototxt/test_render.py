"""New values as text, in any style."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ssdh_surgery import parse
from ssdh_surgery.prototxt import render
from ssdh_surgery.prototxt.edits import apply
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.prototxt.style import Style
from support.entries import marked


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(True, "true", id="true"),
        pytest.param(False, "false", id="false"),
        pytest.param(128, "128", id="integer"),
        pytest.param(0.005, "0.005", id="real"),
        pytest.param(10.0, "10", id="whole-real"),
        pytest.param(Decimal("0.0010"), "0.001", id="decimal"),
        pytest.param(Decimal("1E+1"), "10", id="decimal-exponent"),
        pytest.param(Word("LMDB"), "LMDB", id="word"),
        pytest.param("fc7", '"fc7"', id="string"),
        pytest.param('a"b\\', '"a\\"b\\\\"', id="quotes"),
        pytest.param("\udce9\n", '"\\351\\n"', id="bytes"),
    ],
)
def test_scalar_text(value: object, text: str) -> None:
    assert render.scalar_text(value) == text


def test_what_is_no_scalar_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="not a scalar: None"):
        render.scalar_text(None)


INNER: NewFields = [("name", "x"), ("param", [("lr_mult", 1), ("decay_mult", 0)])]
EMPTY: NewFields = []


@pytest.mark.parametrize(
    ("style", "rows"),
    [
        pytest.param(
            Style(),
            ["layer {", '  name: "x"', "  param {", "    lr_mult: 1", "    decay_mult: 0", "  }"],
            id="caffe",
        ),
        pytest.param(
            Style(indent="\t", head=": ", braces="<>", quote="'", one_line={"param": True}),
            ["layer: <", "\tname: 'x'", "\tparam: < lr_mult: 1 decay_mult: 0 >"],
            id="other",
        ),
        pytest.param(
            Style(after_colon="", head="", padding="", one_line_leaves=True),
            ["layer{", '  name:"x"', "  param{lr_mult:1 decay_mult:0}"],
            id="tight",
        ),
        pytest.param(
            Style(separator=",", inline_separator=";", one_line={"param": True}),
            ["layer {", '  name: "x",', "  param { lr_mult: 1; decay_mult: 0 }"],
            id="separators",
        ),
        pytest.param(
            Style(heads={"layer": "\n", "param": " :\n"}, separator=";", last_separator=";"),
            [
                "layer",
                "{",
                '  name: "x";',
                "  param :",
                "  {",
                "    lr_mult: 1;",
                "    decay_mult: 0;",
                "  };",
            ],
            id="brace-below",
        ),
    ],
)
def test_lines(style: Style, rows: list[str]) -> None:
    closing = style.braces[1]
    assert render.field_lines("layer", INNER, style) == [*rows, closing]


def test_a_message_of_nothing() -> None:
    assert render.field_lines("m", EMPTY, Style()) == ["m {", "}"]
    assert render.field_lines("m", EMPTY, Style(one_line={"m": True})) == ["m { }"]


REPLACED = [
    ("number", "here: 0.01 # c", 0.001, "here: 0.001 # c"),
    ("sign", "here: - 1", 5, "here: 5"),
    ("string-keeps-its-quotes", "here: 'a'", "b'c", "here: 'b\\'c'"),
    ("string-in-parts", 'here: "a" # c\n "b"', "x", 'here: "x"'),
    ("item", "m: [a, here, b]", Word("c"), "m: [a, c, b]"),
]


@pytest.mark.parametrize(
    ("before", "value", "after"), [pytest.param(*case[1:], id=case[0]) for case in REPLACED]
)
def test_replaced(before: str, value: object, after: str) -> None:
    document = parse(before.encode())
    assert apply(before, [render.replacement(marked(document, "here")[0], value)]) == after
