"""Syntax that Python's protobuf reads and the C++ parser inside Caffe refuses.

`parse` accepts what either of them reads; whoever hands a text on to Caffe wants to know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ssdh_surgery.location import Location
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Document, Scalar
from ssdh_surgery.prototxt.source import BOM
from ssdh_surgery.prototxt.tokens import DIGITS, is_comment, is_space, is_string

_CXX_SPACE = frozenset(" \t\n\r\v\f")


@dataclass(frozen=True)
class CxxRefusal:
    """Something that C++ refuses: what it is, where it is first, and how to write it instead."""

    message: str
    location: Location
    hint: str


def cxx_refusals(document: Document) -> list[CxxRefusal]:
    """What C++ refuses in a text that `parse` accepts: one of each kind, the first in the text."""
    first: dict[str, CxxRefusal] = {}
    for kind, message, offset, width, hint in (*_of_tokens(document), *_of_fields(document)):
        location = document.source.location(offset, width)
        first.setdefault(kind, CxxRefusal(message, location, hint))
    return list(first.values())


# Kind, message, offset, width, hint.
_Row = tuple[str, str, int, int, str]


def _of_tokens(document: Document) -> Iterator[_Row]:
    for token, start in zip(document.tokens, document.offsets, strict=False):
        if token == BOM:
            message, hint = "a byte order mark begins the file", "save it as UTF-8 without one"
            yield "mark", message, start, 1, hint
        elif is_space(token):
            place = next((i for i, char in enumerate(token) if char not in _CXX_SPACE), None)
            if place is not None:
                message = f"U+{ord(token[place]):04X} is not a space"
                yield "space", message, start + place, 1, "replace it by a space, everywhere"
        elif is_comment(token):
            if "\0" in token:
                message = "a comment contains byte 0x00"
                yield "zero", message, start + token.index("\0"), 1, "delete the byte"
        elif is_string(token):
            if not literals.is_cxx_string(token[1:-1]):
                hint = "write '\\\\' for a backslash" if "\\" in token else "delete byte 0x00"
                yield "string", "a string has an invalid escape", start, len(token), hint
        elif not token.isascii():
            message = f"'{token}' is neither in a string nor in a comment"
            yield "letter", message, start, len(token), "use the letters and digits of ASCII"


def _of_fields(document: Document) -> Iterator[_Row]:
    for field in document.root.walk():
        if field.name[0] in DIGITS:
            message, hint = f"'{field.name}' cannot be the name of a field", "delete the field"
            yield "name", message, field.start, len(field.name), hint
        for value in field.values:
            if isinstance(value, Scalar) and not value.is_string and value.text.isascii():
                yield from _of_value(field.name, value)


def _of_value(name: str, value: Scalar) -> Iterator[_Row]:
    text, start = value.text, value.document.offsets[value.first]
    if value.is_word:
        if "-" in text or "+" in text:
            message = f"'{text}' is not a word"
            yield "word", message, start, len(text), "a word has letters, digits and '_'"
    elif not literals.is_cxx_number(text.removeprefix("-")):
        plain = literals.integer(text)
        number = text.lstrip("+") if plain is None else str(plain)
        message, hint = f"'{text}' is not a number", f"write {name}: {number}"
        yield "number", message, start, len(text), hint
