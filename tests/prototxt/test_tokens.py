"""Every text is the concatenation of its tokens, and tokens end where protobuf's do."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery.prototxt.tokens import (
    is_closed,
    is_comment,
    is_name,
    is_space,
    is_string,
    is_word,
    offsets,
    significant,
    tokenize,
)
from support.strategies import searched

_TEXT = st.lists(
    st.one_of(
        st.sampled_from(list("{}[]<>:;,=/.+-#\"'\\ \n\r\t09axe_\ufeff\u00a0\u4e2d\udcff\0")),
        st.characters(),
    ),
    max_size=30,
).map("".join)


@searched
@given(_TEXT)
def test_tokens_are_the_text(text: str) -> None:
    tokens = tokenize(text)
    assert "".join(tokens) == text
    assert all(tokens)
    begins = offsets(tokens)
    assert begins[-1] == len(text)
    assert [text[start:end] for start, end in pairwise(begins)] == tokens


@searched
@given(_TEXT)
def test_significant_tokens_are_the_ones_that_say_something(text: str) -> None:
    tokens = tokenize(text)
    expected = [
        index
        for index, token in enumerate(tokens)
        if not token.isspace() and token[0] != "#" and (index, token) != (0, "\ufeff")
    ]
    assert significant(tokens) == expected


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a:1", ["a", ":", "1"]),
        ("a-b+c: d", ["a-b+c", ":", " ", "d"]),
        ("-1 +1", ["-", "1", " ", "+", "1"]),
        ("1.5e-3f,2", ["1.5e-3f", ",", "2"]),
        ("1.2.3-4_x.", ["1.2.3-4_x."]),
        (".5.a", [".5.a"]),
        ("a.b.5", ["a", ".", "b", ".5"]),
        ("0x1F]", ["0x1F", "]"]),
        ("\"a\"'b'", ['"a"', "'b'"]),
        (r'"a\"b" c', [r'"a\"b"', " ", "c"]),
        (r'"a\\"b"', [r'"a\\"', "b", '"']),
        ("'\"'", ["'\"'"]),
        ('"#"#"', ['"#"', '#"']),
        ('"open # {\n}', ['"open # {', "\n", "}"]),
        ('"open\\\n"', ['"open\\', "\n", '"']),
        ("#a\r\nb", ["#a\r", "\n", "b"]),
        ("a\n \t\r\n\u00a0\u3000b", ["a", "\n \t\r\n\u00a0\u3000", "b"]),
        ("\ufeffa\ufeff", ["\ufeff", "a", "\ufeff"]),
        ("\u00e9\u00e9", ["\u00e9", "\u00e9"]),
        ("//", ["/", "/"]),
    ],
)
def test_where_tokens_end(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


def test_white_space_is_all_that_python_takes_for_it() -> None:
    characters = map(chr, range(sys.maxunicode + 1))
    assert [c for c in characters if is_space(c) != (c.isspace() or c == "\ufeff")] == []


@pytest.mark.parametrize(
    ("string", "closed"),
    [
        ('""', True),
        ("'a'", True),
        (r'"\\"', True),
        (r'"\""', True),
        ('"', False),
        (r'"\"', False),
        (r'"\\\"', False),
        ('"a', False),
        ("\"a'", False),
        ('"a" ', False),
    ],
)
def test_whether_a_string_is_closed(string: str, closed: bool) -> None:
    assert is_string(string)
    assert is_closed(string) == closed


# What each kind of token counts as: comment, space, string, word, name.
@pytest.mark.parametrize(
    ("token", "kinds"),
    [
        ("# a", "comment"),
        ("\n", "space"),
        ("\ufeff", "space"),
        ("'a", "string"),
        ("a-1", "word name"),
        ("_", "word name"),
        ("\u4e2d", "word name"),
        ("\u00b2", "word name"),
        ("\u0663", "name"),
        ("1a", "name"),
        (".5", ""),
        ("{", ""),
        ("\u201c", ""),
        ("\u0301", ""),
        ("\udcff", ""),
    ],
)
def test_what_a_token_is(token: str, kinds: str) -> None:
    tests = {
        "comment": is_comment,
        "space": is_space,
        "string": is_string,
        "word": is_word,
        "name": is_name,
    }
    assert " ".join(kind for kind, test in tests.items() if test(token)) == kinds
