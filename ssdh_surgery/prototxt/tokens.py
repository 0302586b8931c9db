"""The tokenizer: text to plain strings that, joined, are the text again.

White space and comments are tokens, too. The kind of a token follows from its first character, so
that a token needs no attributes; offsets are the running sum of lengths.
"""

from __future__ import annotations

import re
from itertools import accumulate

from ssdh_surgery.prototxt.source import BOM

# Words extend as in protobuf's own tokenizers: `a-b` is one word, and so is `1.2.3`, which is not
# a number. An unclosed string ends with its line.
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
# Every character that is white space for Python's protobuf; U+3000 is the last.
_SPACE = frozenset(char for char in map(chr, range(0x3001)) if char.isspace())
_TRIVIA = _SPACE | {"#"}


def tokenize(text: str) -> list[str]:
    """All tokens of a text, in order: `"".join(tokenize(text)) == text`.

    >>> tokenize("pad: 1  # why")
    ['pad', ':', ' ', '1', '  ', '# why']
    """
    return _TOKEN.findall(text)


def offsets(tokens: list[str]) -> list[int]:
    """The offset of every token, followed by the length of the text."""
    return list(accumulate(map(len, tokens), initial=0))


def significant(tokens: list[str]) -> list[int]:
    """The indices of the tokens that are neither white space nor comments.

    A byte order mark counts as white space only at the beginning of the text.
    """
    trivia = _TRIVIA
    indices = [index for index, token in enumerate(tokens) if token[0] not in trivia]
    return indices[1:] if tokens[:1] == [BOM] else indices


def is_comment(token: str) -> bool:
    """Whether a token is a comment, which excludes the newline at its end."""
    return token[0] == "#"


def is_space(token: str) -> bool:
    """Whether a token is white space, or a byte order mark."""
    return token[0] in _SPACE or token == BOM


def is_string(token: str) -> bool:
    """Whether a token is a string, closed or not."""
    return token[0] in QUOTES


def is_closed(string: str) -> bool:
    """Whether a string has its closing quote."""
    body = string[1:-1]
    escaped = (len(body) - len(body.rstrip("\\"))) % 2 == 1
    return len(string) > 1 and string[-1] == string[0] and not escaped


def is_word(token: str) -> bool:
    """Whether a token is a bare word: an enum value, `true`, `inf`, or part of a name.

    For protobuf in Python, each letter of another script is a word of its own.
    """
    return token[0] in NAME_START or (_is_foreign(token) and not token.isdecimal())


def is_name(token: str) -> bool:
    """Whether a token can name a field: a word, or a token that begins with a digit."""
    return token[0] in NAME_START or token[0] in DIGITS or _is_foreign(token)


def _is_foreign(token: str) -> bool:
    """Whether a token is one letter or digit outside ASCII."""
    return token > "\x7f" and token.isalnum()
