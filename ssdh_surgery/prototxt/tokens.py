"""Text to tokens: plain strings that, joined, are the text.

White space and comments are tokens too. What a token is can be told from its first
character, so a token carries nothing but itself; offsets are the running sum of lengths.
"""

from __future__ import annotations

import re
from itertools import accumulate

# Words reach as far as they do in protobuf's own tokenizers: `a-b` is one, `1.2.3` too
# (and then no number). A string that is not closed ends with its line.
_TOKEN = re.compile(
    r"""
      \A\ufeff
    | \s+
    | \#[^\n]*
    | [a-zA-Z_][0-9a-zA-Z_+-]*
    | (?:[0-9]|\.[0-9])[0-9a-zA-Z_.+-]*
    | "[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"
    | '[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'
    | ["'][^\n]*
    | [^\n]
    """,
    re.VERBOSE,
)

NAME_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
DIGITS = frozenset("0123456789")
QUOTES = frozenset("\"'")
# With every character that Python's protobuf takes for white space.
_TRIVIA_START = frozenset(
    "#\ufeff" + "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
)


def tokenize(text: str) -> list[str]:
    """All tokens of a text, in order: `"".join(tokenize(text)) == text`.

    >>> tokenize("pad: 1  # why")
    ['pad', ':', ' ', '1', '  ', '# why']
    """
    return _TOKEN.findall(text)


def offsets(tokens: list[str]) -> list[int]:
    """The offset of every token, and the length of the text as a last one."""
    return list(accumulate(map(len, tokens), initial=0))


def significant(tokens: list[str]) -> list[int]:
    """The indices of the tokens that are neither white space nor comments.

    A byte order mark counts as white space where it begins the text, and nowhere else.
    """
    trivia = _TRIVIA_START
    indices = [index for index, token in enumerate(tokens) if token[0] not in trivia]
    stray = [index for index, token in enumerate(tokens) if index and token[0] == "\ufeff"]
    return sorted([*indices, *stray]) if stray else indices


def is_comment(token: str) -> bool:
    """Whether a token is a comment (without the newline that ends it)."""
    return token[0] == "#"


def is_space(token: str) -> bool:
    """Whether a token is white space, or the byte order mark that begins a file."""
    return token[0] != "#" and token[0] in _TRIVIA_START


def is_name(token: str) -> bool:
    """Whether a token can name a field: a word, a number, or one letter of another script."""
    first = token[0]
    return first in NAME_START or first in DIGITS or is_foreign_letter(token)


def is_foreign_letter(token: str) -> bool:
    """Whether a token is one letter or digit outside ASCII, which protobuf takes for a word."""
    return len(token) == 1 and token > "\x7f" and token.isalnum()
