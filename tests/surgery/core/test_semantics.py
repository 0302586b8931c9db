"""Trees forget the layout and nothing else, and say where two of them differ first."""

from __future__ import annotations

import pytest

from ssdh_surgery import parse
from ssdh_surgery.prototxt.render import Word, field_lines
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.surgery.core.semantics import Tree, first_difference, tree_of, tree_of_value


def tree(text: str) -> Tree:
    return tree_of(parse(text.encode("utf-8", "surrogateescape")).root)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("a: 1 b: 2", "# c\na :1;b:2,", id="layout"),
        pytest.param("m { a: 1 }", "m: < a: 1 >", id="braces"),
        pytest.param("a: [1, 2]", "a: 1 a: 2", id="list"),
        pytest.param("a: 1 b: 2", "b: 2 a: 1", id="order-of-names"),
        pytest.param("a: 1 a: [] a: 2", "a: 1 a: 2", id="empty-list"),
        pytest.param('a: "xy"', "a: 'x' \"y\"", id="strings"),
        pytest.param(r'a: "\xe9\101"', r'a: "\351A"', id="escapes"),
        pytest.param(r'a: "\xc3\xa9"', 'a: "\u00e9"', id="utf-8"),
        pytest.param('a: "\udce9"', r'a: "\xe9"', id="raw-bytes"),
        pytest.param("a: - 1", "a: -1", id="sign"),
    ],
)
def test_the_same_meaning(one: str, other: str) -> None:
    assert tree(one) == tree(other)
    assert first_difference(tree(one), tree(other)) is None


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        pytest.param("a: 1", "a: 2", "a[0]: promised '1', found '2'", id="value"),
        pytest.param("a: 1", "a: 1.", "a[0]: promised '1', found '1.'", id="spelling"),
        pytest.param('a: "x"', "a: x", "a[0]: promised b'x', found 'x'", id="string-or-word"),
        pytest.param("a: 1", "", "a: promised 1 values, found 0", id="gone"),
        pytest.param("", "a: 1 a: 2", "a: promised 0 values, found 2", id="more"),
        pytest.param("a: 1 a: 2", "a: 2 a: 1", "a[0]: promised '1', found '2'", id="order"),
        pytest.param("m { }", "m: 1", "m[0]: promised {}, found '1'", id="message-or-scalar"),
        pytest.param(
            "m { a: 1 } m { b: 1 n { c: 1 } }",
            "m { a: 1 } m { b: 1 n { c: 2 } }",
            "m[1].n[0].c[0]: promised '1', found '2'",
            id="deep",
        ),
        pytest.param("m { }", "", "m: promised 1 values, found 0", id="empty-message-gone"),
        pytest.param("[a.b]: 1", "[a.c]: 1", "[a.b]: promised 1 values, found 0", id="extension"),
    ],
)
def test_first_difference(expected: str, found: str, said: str) -> None:
    assert first_difference(tree(expected), tree(found)) == said


@pytest.mark.parametrize(
    "value",
    [
        pytest.param('say "\\x41" \udce9\n\u00e9', id="string"),
        pytest.param(Word("LMDB"), id="word"),
        pytest.param(0.1, id="number"),
        pytest.param(True, id="flag"),
        pytest.param([("a", 1), ("b", [("c", "x")]), ("a", 2)], id="message"),
        pytest.param([], id="empty-message"),
    ],
)
def test_a_new_value_means_what_its_text_means(value: object) -> None:
    text = "\n".join(field_lines("m", value, Style()))
    assert tree(text) == {"m": [tree_of_value(value)]}
