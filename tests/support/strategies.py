"""Texts to parse: valid ones with every layout and their meaning, and ones that are nearly valid.

`SSDH_EXAMPLES=20000 pytest tests/prototxt` searches at random and for longer; without it the
same few examples are tried every time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

_EXAMPLES = int(os.environ.get("SSDH_EXAMPLES", "0"))

searched = settings(
    max_examples=_EXAMPLES or 150,
    derandomize=not _EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

# A field is (name, is_list, values); a value is its text or, of a message, a list of fields.
Tree = list[tuple[str, bool, list[Any]]]


@dataclass
class Sample:
    """A valid text: its tokens without trivia, and what they mean."""

    tokens: list[str]
    tree: Tree
    # Indices of tokens that must directly follow the token before.
    joined: set[int]


# Words that look like other things are good words.
_WORD_START = "abcxefinuNT_"
_WORD = st.one_of(
    st.sampled_from(["layer", "name", "true", "f", "inf", "nan", "e5", "x1F", "LMDB", "a-b", "c+"]),
    st.builds(str.__add__, st.sampled_from(_WORD_START), st.text("axe_019+-", max_size=4)),
    st.sampled_from(["\u00e9", "\u4e2d", "\u00b2"]),
)
_DIGIT_NAME = st.sampled_from(["1", "0x", "2nd", "1.5", "3e-5", "9+", "\u0663", "1_"])

# Numbers that Caffe's parser takes, too, and ones that only Python's takes.
_NUMBERS = st.one_of(
    st.sampled_from(["0", "1", "007", "0x1F", "0XaB", ".5", "1.", "1.5e-3", "1E+5", "1f", "2.F"]),
    st.integers(0, (1 << 63) - 1).map(str),
    st.floats(0, allow_infinity=False).map(repr),
    st.sampled_from(["inf", "nan", "infinity", "INF", "NaN"]),
)
_PYTHON_NUMBERS = st.sampled_from(
    ["1_000", "0b11", "0o17", "1.5ff", "infinityF", "1_0.5", "00", "0_0"]
)

_CHARACTERS = st.characters(codec="utf-8", exclude_characters="\\\"'\n\0")
_PYTHON_ESCAPES = st.sampled_from(
    [r"\q", r"\8", r"\?", "\\\u4e2d", r"\N{DEGREE SIGN}", r"\u005cn", "\0", "\\\r", r"\e"]
)
_CXX_ESCAPES = st.sampled_from(
    [r"\777", r"\400", r"\ud83d", r"\ud83d\ude00", r"\U0010ffff", r"\U001fffff", "\udcff", "\udc80"]
)
_ESCAPES = st.sampled_from(
    [r"\n", r"\\", r"\"", r"\'", r"\x4", r"\x4f", r"\xe9", r"\0", r"\377", r"\u00e9", r"\U0001F600"]
)


@st.composite
def string_bodies(draw: st.DrawFn) -> list[str]:
    """The insides of adjacent strings that one of the parsers reads."""
    special = draw(st.sampled_from([_PYTHON_ESCAPES, _CXX_ESCAPES]))
    pieces = st.lists(st.one_of(_CHARACTERS, _ESCAPES, special), max_size=4)
    return draw(st.lists(pieces.map("".join), min_size=1, max_size=2))


# Near strings: quotes and backslashes as they come, without line ends.
bodies = st.lists(
    st.one_of(st.sampled_from("\\\\\\xuUN{}017acdDE\"'\0\r\u4e2d\udcff"), _ESCAPES, _CXX_ESCAPES),
    max_size=10,
).map("".join)

_SPACES = [" ", "\n", "\r\n", "\t", " \n\n  ", "\v", "\f", "\u00a0", "\x1c", "\u3000"]
_COMMENTS = ["#\n", "# why\n", "# {\n", '#"\r\n', "# // \\ '\n", "#\u4e2d\n", "#\udcd6\n", "#\0#\n"]
_TRIVIA = st.sampled_from(
    ["", "", *_SPACES, *_COMMENTS, *(" " + a + b for a in _COMMENTS for b in ("  ", "# and\n"))]
)


def _touch(left: str, right: str) -> bool:
    """Whether two tokens would be one, or others, without trivia between."""
    before, after = left[-1], right[0]
    wordy = before.isalnum() or before in "_+-."
    return wordy and (after.isalnum() or after in "_+-.")


@st.composite
def layouts(draw: st.DrawFn, tokens: list[str], joined: set[int] = frozenset()) -> bytes:
    """Tokens as the bytes of a file, with arbitrary trivia between them."""
    count = len(tokens) + 1
    trivia = draw(st.lists(_TRIVIA, min_size=count, max_size=count))
    parts = [draw(st.sampled_from(["", "", "\ufeff"])), trivia[-1]]
    for index, token in enumerate(tokens):
        if index and index not in joined:
            parts.append(trivia[index] or " " * _touch(tokens[index - 1], token))
        parts.append(token)
    parts.append(draw(st.sampled_from(["", "\n", "# the end", " "])))
    return "".join(parts).encode("utf-8", "surrogateescape")


class _Writer:
    """Writes a random tree, token by token."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.tokens: list[str] = []
        self.joined: set[int] = set()

    def fields(self, depth: int) -> Tree:
        count = self.draw(st.integers(0, 2 if depth else 4))
        return [self.field(depth) for _ in range(count)]

    def field(self, depth: int) -> tuple[str, bool, list[Any]]:
        name = self.name(depth)
        is_list = self.draw(st.integers(0, 4)) == 0
        if is_list:
            values = self.items(depth)
        elif depth < 3 and self.draw(st.booleans()):
            self.tokens += [":"] if self.draw(st.booleans()) else []
            values = [self.message(depth)]
        else:
            self.tokens.append(":")
            values = [self.scalar()]
        separator = self.draw(st.sampled_from(["", "", "", ",", ";"]))
        self.tokens += [separator] if separator else []
        return name, is_list, values

    def items(self, depth: int) -> list[Any]:
        messages_only = self.draw(st.booleans())
        self.tokens += ["["] if messages_only else [":", "["]
        values: list[Any] = []
        for index in range(self.draw(st.integers(0, 2 if depth < 3 else 0))):
            self.tokens += [","] if index else []
            is_message = messages_only or self.draw(st.booleans())
            values.append(self.message(depth) if is_message else self.scalar())
        self.tokens.append("]")
        return values

    def message(self, depth: int) -> Tree:
        opening, closing = self.draw(st.sampled_from(["{}", "<>"]))
        self.tokens.append(opening)
        fields = self.fields(depth + 1)
        self.tokens.append(closing)
        return fields

    def name(self, depth: int) -> str:
        kind = self.draw(st.integers(0, 9))
        if kind > 1:
            self.tokens.append(self.draw(_WORD if kind > 2 else _DIGIT_NAME))
            return self.tokens[-1]
        parts = self.dotted(self.draw(st.integers(1, 4)))
        if kind and depth:
            # An Any has three parts before its slash.
            parts = [*self.dotted(3), "/", *self.dotted(self.draw(st.integers(1, 3)))]
        self.tokens += ["[", *parts, "]"]
        return f"[{''.join(parts)}]"

    def dotted(self, count: int) -> list[str]:
        words = [self.draw(_WORD) for _ in range(count)]
        return [part for word in words for part in (".", word)][1:]

    def scalar(self) -> str:
        kind = self.draw(st.integers(0, 3))
        if kind == 0:
            marks = st.sampled_from("\"'")
            strings = [_quoted(body, self.draw(marks)) for body in self.draw(string_bodies())]
            self.tokens += strings
            return "".join(strings)
        if kind == 1:
            self.tokens.append(self.draw(_WORD))
            return self.tokens[-1]
        number = self.draw(_NUMBERS if kind == 2 else _PYTHON_NUMBERS)
        sign = self.draw(st.sampled_from(["", "-", "+"]))
        self.tokens += [sign, number] if sign else [number]
        # Only `-`, and before a number of Caffe's own, may stand apart.
        if sign == "+" or (sign and kind == 3):
            self.joined.add(len(self.tokens) - 1)
        return sign + number


def _quoted(body: str, mark: str) -> str:
    return f"{mark}{body}{mark}"


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Valid texts, not yet laid out."""
    writer = _Writer(draw)
    tree = writer.fields(0)
    return Sample(writer.tokens, tree, writer.joined)


@st.composite
def documents(draw: st.DrawFn) -> tuple[bytes, Tree]:
    """Valid files with what they mean."""
    sample = draw(samples())
    return draw(layouts(sample.tokens, sample.joined)), sample.tree


_SOUP = st.one_of(
    st.sampled_from(list("{}<>[]:;,=-+./*#\"'\\\ufeff\0\u00a0\u201c\udcff\u0663\u00b2\u0301")),
    st.sampled_from(["-1", "09", "1e", "1.2.3", "--1", "0x", "-inf", "-nanf", "+.5", "/", "a.b"]),
    st.sampled_from(['"\\x"', '"\\u12"', '"\\', '"a\n', "'\"'", '"\\777" "\\q"', '"\udcff\\q"']),
    st.sampled_from(["0xFFFFFFFFFFFFFFFFFF", "99999999999999999999", "-0x8000000000000001"]),
    bodies.map('"{}"'.format),
    _WORD,
    _NUMBERS,
    _PYTHON_NUMBERS,
)


@st.composite
def soups(draw: st.DrawFn) -> bytes:
    """Files that are nearly valid: a few tokens put in, taken out or changed."""
    tokens = list(draw(samples()).tokens)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(tokens)))
        end = start + draw(st.integers(0, 2))
        tokens[start:end] = draw(st.lists(_SOUP, max_size=3))
    trivia = st.sampled_from(["", "", " ", "\n", "# \n", "\u00a0"])
    count = len(tokens)
    between = draw(st.lists(trivia, min_size=count, max_size=count))
    text = "".join(map("".join, zip(between, tokens, strict=True)))
    return text.encode("utf-8", "surrogateescape")
