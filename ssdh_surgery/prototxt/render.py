"""New fields rendered as text in a given style."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeGuard

from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Entry, Scalar
from ssdh_surgery.prototxt.edits import Edit
from ssdh_surgery.prototxt.style import Style


class Word(str):
    """A value that is written verbatim: an enum value, or a number kept as text."""

    __slots__ = ()


# A message is a sequence of names and values; a plain `str` is quoted.
NewFields = Sequence[tuple[str, object]]


def scalar_text(value: object, quote: str = '"') -> str:
    """The text of a scalar.

    >>> scalar_text(True), scalar_text("fc8"), scalar_text(Word("LMDB")), scalar_text(0.5)
    ('true', '"fc8"', 'LMDB', '0.5')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Word):
        return str(value)
    if isinstance(value, str):
        return literals.quote(value, quote)
    if isinstance(value, Decimal):
        return literals.decimal_text(value)
    if isinstance(value, int | float):
        return literals.number_text(value)
    raise TypeError(f"not a scalar: {value!r}")


def is_message(value: object) -> TypeGuard[NewFields]:
    """Whether a new value is a message."""
    return isinstance(value, list | tuple)


def field_lines(name: str, value: object, style: Style) -> list[str]:
    """The lines of a field, without newlines or the indentation of the first level."""
    if not is_message(value):
        return [f"{name}:{style.after_colon}{scalar_text(value, style.quote)}"]
    is_leaf = not any(is_message(inner) for _, inner in value)
    if style.is_one_line(name, is_leaf):
        return [inline(name, value, style)]
    before, _, after = style.head_of(name).partition("\n")
    opening, *rest = message_lines(value, style, one_line=False)
    if "\n" in style.head_of(name):
        return [name + before, after + opening, *rest]
    return [name + before + opening, *rest]


def message_lines(fields: NewFields, style: Style, one_line: bool) -> list[str]:
    """The lines of a message from its opening to its closing brace."""
    opening, closing = style.braces[0], style.braces[1]
    if one_line:
        inner = f"{style.inline_separator} ".join(inline(*field, style) for field in fields)
        inner = f"{style.padding}{inner}{style.padding}" if inner else style.padding
        return [opening + inner + closing]
    body = with_separators(
        [field_lines(name, value, style) for name, value in fields], style.separator
    )
    if body:
        body[-1][-1] += style.last_separator
    return [opening, *(style.indent + row for rows in body for row in rows), closing]


def inline(name: str, value: object, style: Style) -> str:
    """A field on one line, even if it holds messages."""
    if not is_message(value):
        return field_lines(name, value, style)[0]
    head = style.head_of(name).replace("\n", " ")
    return name + head + message_lines(value, style, one_line=True)[0]


def with_separators(blocks: list[list[str]], separator: str) -> list[list[str]]:
    """Blocks of lines with a separator after all but the last."""
    return [[*rows[:-1], rows[-1] + separator] for rows in blocks[:-1]] + blocks[-1:]


def replacement(entry: Entry, value: object) -> Edit:
    """The edit that replaces the text of a scalar and nothing around it."""
    scalar = entry.value
    assert isinstance(scalar, Scalar), "a message is edited field by field"
    document = scalar.document
    start, end = document.offsets[scalar.first], document.offsets[scalar.last + 1]
    mark = document.tokens[scalar.first][0] if scalar.is_string else '"'
    return Edit(start, end, scalar_text(value, mark))
