"""The habits of a file, and of what stands nearest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery import parse
from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.prototxt.style import Style, neighbour_style, style_of
from support.entries import marked

HABITS: list[tuple[str, str, dict[str, Any]]] = [
    ("nothing", "", {}),
    ("lf", "a: 1\n", {"newline": "\n"}),
    ("crlf", "a: 1\r\nb: 2\r\n", {"newline": "\r\n"}),
    ("crlf-less-than-half", "a: 1\r\nb: 2\n", {"newline": "\n"}),
    ("indent", "m {\n    a: 1\n    n {\n        b: 1\n    }\n}\n", {"indent": "    "}),
    ("indent-most", "m {\n\ta: 1\n}\nm {\n  a: 1\n}\nm {\n\ta: 1\n}\n", {"indent": "\t"}),
    ("indent-in-a-list", "m: [\n  {\n    a: 1\n  }\n]\n", {"indent": "  "}),
    ("indent-none", "m {\na: 1\n}\n", {"indent": "  "}),
    ("quote", "a: 'x' b: 'y' c: \"z\"", {"quote": "'"}),
    ("after-colon", "a:1\nb:2\nc: 3\n", {"after_colon": ""}),
    ("after-colon-wide", "a:  1\n", {"after_colon": "  "}),
    ("head", "m{\n}\nm{\n}\n", {"head": "", "heads": {"m": ""}}),
    ("head-colon", "m: {\n}\n", {"head": ": ", "heads": {"m": ": "}}),
    ("head-by-name", "m {\n}\nm {\n}\np: {\n}\n", {"head": " ", "heads": {"m": " ", "p": ": "}}),
    ("head-below", "m\n{\n}\n", {"head": "\n"}),
    ("head-comment", "m # c\n{\n}\n", {"head": " \n"}),
    ("braces", "m <\n>\n", {"braces": "<>"}),
    ("padding", "m {a: 1}\n", {"padding": ""}),
    ("padding-wide", "m {  a: 1  }\n", {"padding": "  "}),
    ("one-line", "m { a: 1 }\np {\n a: 1\n}\n", {"one_line": {"m": True, "p": False}}),
    ("one-line-leaves", "m { a: 1 }\n", {"one_line_leaves": True}),
    ("one-line-empty", "m { }\n", {"one_line": {}, "one_line_leaves": False}),
    ("separator", "a: 1,\nb: 2,\nc: 3\n", {"separator": ",", "last_separator": ""}),
    ("separator-last", "a: 1;\nb: 2;\n", {"separator": ";", "last_separator": ";"}),
    ("separator-inline", "m { a: 1, b: 2 }\nc: 1\n", {"separator": "", "inline_separator": ","}),
    ("spaced", "m {\n}\n\nm {\n}\n\n# c\nm {\n}\n", {"blank_between": True}),
    ("spaced-half", "m {\n}\n\nm {\n}\nm {\n}\n", {"blank_between": False}),
    ("spaced-fields-apart", "a: 1\n\nb: 1\n\nm {\n}\nm {\n}\n", {"blank_between": False}),
]


@pytest.mark.parametrize(
    ("text", "habits"), [pytest.param(*case[1:], id=case[0]) for case in HABITS]
)
def test_habits_of_a_file(text: str, habits: dict[str, Any]) -> None:
    style = style_of(parse(text.encode()))
    assert {name: getattr(style, name) for name in habits} == habits


def test_nothing_to_go_by_is_written_as_caffe_writes() -> None:
    assert style_of(parse(b"# nothing\n")) == Style()


NEAR = """layer: {
\ta: 'x'
\tparam {lr_mult:1, decay_mult:2}
\tsize <
\t\tx:1
\t>
}
m { a: "x" b: "y" c: "z" }
m {
  a: "x"
  b: "y"
  p { z: 1 }
  p { z: 1 }
}
"""


def test_what_is_nearest_counts_most() -> None:
    document = parse(NEAR.encode())
    layer = marked(document, "layer")[0]
    style = neighbour_style(layer)
    assert isinstance(layer.value, Message)
    assert style_of(document).quote == '"'
    assert style.quote == "'"
    assert style.indent == "\t"
    assert style.inline_separator == ","
    assert style.padding == ""
    assert style.heads["layer"] == ": "
    assert style.one_line == {"layer": False, "param": True, "size": False, "m": True, "p": True}
    assert style_of(document, layer.value).quote == "'"


def test_a_neighbour_is_copied_where_its_name_is_written_in_several_ways() -> None:
    document = parse(b"m { a: 1 }\nm { a: 1 }\nm: {\n  here: 1\n}\n")
    style = neighbour_style(marked(document, "m")[2])
    assert style.one_line["m"] is False
    assert style.head_of("m") == ": "


def test_siblings_say_whether_blank_lines_stand_between() -> None:
    document = parse(b"m {\n}\n\nm {\n}\n\nn {\n  p {\n  }\n  p {\n  }\n}\n")
    assert neighbour_style(marked(document, "m")[0]).blank_between
    assert not neighbour_style(marked(document, "p")[0]).blank_between


@pytest.mark.corpus
def test_googlenet_is_written_as_caffe_writes(corpus: Path) -> None:
    data = (corpus / "bvlc/models/bvlc_googlenet/train_val.prototxt").read_bytes()
    style = style_of(parse(data))
    own = {name: habit for name, habit in vars(style).items() if name not in ("heads", "one_line")}
    assert own == {name: habit for name, habit in vars(Style()).items() if name in own}
    assert set(style.heads.values()) == {" "}
    assert set(style.one_line.values()) == {False}
