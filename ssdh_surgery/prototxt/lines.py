"""Lines of a document: where they begin, and whether a token opens one."""

from __future__ import annotations

from ssdh_surgery.prototxt.cst import Document, Message
from ssdh_surgery.prototxt.tokens import is_space


def line_start(document: Document, offset: int) -> int:
    """The offset at which the line of an offset begins, after a byte order mark."""
    start = document.source.line_starts[document.source.line(offset) - 1]
    return 1 if start == 0 and document.text.startswith("\ufeff") else start


def indentation(document: Document, offset: int) -> str:
    """The spaces and tabs at the beginning of the line of an offset."""
    start = end = line_start(document, offset)
    while document.text[end : end + 1] in (" ", "\t"):
        end += 1
    return document.text[start:end]


def opens_line(document: Document, index: int) -> bool:
    """Whether only white space precedes a token on its line."""
    tokens = document.tokens
    while index and is_space(tokens[index - 1]) and "\n" not in tokens[index - 1]:
        index -= 1
    return index == 0 or is_space(tokens[index - 1])


def next_line(document: Document, index: int) -> int | None:
    """The offset of the line after a token, or None if more tokens follow on its line."""
    tokens = document.tokens
    after = index + 1
    if after < len(tokens) and is_space(tokens[after]):
        at = tokens[after].find("\n")
        if at >= 0:
            return document.offsets[after] + at + 1
        after += 1
    return len(document.text) if after >= len(tokens) else None


def is_one_line(message: Message) -> bool:
    """Whether a message opens and closes on one line."""
    document = message.document
    start = document.offsets[message.first] if not message.is_root else 0
    end = document.offsets[message.last]
    return document.text.find("\n", start, end) < 0
