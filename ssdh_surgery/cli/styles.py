"""Our own colors, told apart from control characters of other texts, which are escaped.

Names, ids and lines of logs come from files of strangers, and a terminal obeys what is in them.
A style is therefore marked by a word that no file can know, and becomes an escape sequence only
when the whole text is written.
"""

from __future__ import annotations

import os
import re
from typing import Any

import click

# In place of the escape character of our own styles; another one in each process.
_MARK = f"\ufdd0{os.urandom(8).hex()}"
_STYLE = re.compile(re.escape(_MARK) + r"\[[0-9;]*m")
# Control characters other than tab and line feed, and characters that reorder or break a line.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)


def styled(text: str, **style: Any) -> str:
    """A text in a style of `click.style`, for `rendered`."""
    return click.style(safe(text), **style).replace("\x1b[", f"{_MARK}[")


def unstyled(text: str) -> str:
    """A text without its styles."""
    return _STYLE.sub("", text)


def rendered(text: str, *, is_colored: bool) -> str:
    r"""A text for a terminal, or without styles for other streams; control characters as `\x1b`."""
    text = safe(text if is_colored else unstyled(text))
    return text.replace(_MARK, "\x1b")


def safe(text: str) -> str:
    r"""A text with its control characters escaped: `\x1b`, `\u202e`."""
    return _CONTROL.sub(lambda match: _escaped(match[0]), text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
