"""New fields as text, in a given style, and the edit that puts them in their place."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import cast

from ssdh_surgery.prototxt import literals, trivia
from ssdh_surgery.prototxt.cst import Entry, Field, Message, Scalar
from ssdh_surgery.prototxt.edits import Edit
from ssdh_surgery.prototxt.style import Style, style_of


class Word(str):
    """A value that is written as it stands: an enum's name, a number kept as text."""

    __slots__ = ()


# A message is a sequence of names and values; a plain `str` is a string to be quoted.
NewFields = Sequence[tuple[str, object]]


def scalar_text(value: object, quote: str = '"') -> str:
    """A scalar as it is written.

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


def is_message(value: object) -> bool:
    """Whether a new value is a message."""
    return isinstance(value, list | tuple)


def lines(name: str, value: object, style: Style) -> list[str]:
    """The lines of a field, without indentation of the first level or newlines."""
    if not is_message(value):
        return [f"{name}:{style.after_colon}{scalar_text(value, style.quote)}"]
    fields = cast(NewFields, value)
    head = name + (":" if style.colon_before_brace else "") + style.before_brace
    is_leaf = not any(is_message(inner) for _, inner in fields)
    body = message_lines(fields, style, style.is_one_line(name, is_leaf))
    return [head + body[0], *body[1:]]


def message_lines(fields: NewFields, style: Style, one_line: bool) -> list[str]:
    """The lines of a message from its opening brace to its closing one."""
    opening, closing = style.braces[0], style.braces[1]
    if one_line:
        inner = f"{style.separator} ".join(inline(name, value, style) for name, value in fields)
        return [f"{opening} {inner} {closing}" if inner else f"{opening} {closing}"]
    blocks = [_separated(lines(name, value, style), style.separator) for name, value in fields]
    body = [style.indent + row for rows in blocks for row in rows]
    return [opening, *body, closing]


def inline(name: str, value: object, style: Style) -> str:
    """A field on one line, whatever is in it."""
    if not is_message(value):
        return lines(name, value, style)[0]
    head = name + (":" if style.colon_before_brace else "") + style.before_brace
    return head + message_lines(cast(NewFields, value), style, one_line=True)[0]


def _separated(rows: list[str], separator: str) -> list[str]:
    return [*rows[:-1], rows[-1] + separator]


# ---------------------------------------------------------------- new fields in their place


def after(
    entry: Entry, new: Sequence[tuple[str, object]], style: Style, comment: str | None = None
) -> Edit:
    """New fields after an entry (in its list, where it stands in one with the same name).

    `comment` becomes a line of its own above them.
    """
    return _beside(entry, new, style, comment, before=False)


def before(
    entry: Entry, new: Sequence[tuple[str, object]], style: Style, comment: str | None = None
) -> Edit:
    """New fields before an entry and its comments."""
    return _beside(entry, new, style, comment, before=True)


def _beside(
    entry: Entry, new: Sequence[tuple[str, object]], style: Style, comment: str | None, before: bool
) -> Edit:
    field = entry.field
    if field.is_list and all(name == field.name for name, _ in new):
        return _into_list(entry, [value for _, value in new], style, before)
    text = field.document.text
    offset = trivia.place_before(field) if before else trivia.place_after(field)
    own_line = offset == len(text) if not before else False
    own_line = own_line or trivia.line_start(text, offset) == offset
    if not own_line or _shares_line(field, before):
        return _on_the_line(field, new, style, offset, before)
    margin = trivia.indentation(text, field.start)
    rows = [f"# {comment}"] if comment else []
    blocks = [lines(name, value, style) for name, value in new]
    gap = style.blank_between and any(is_message(value) for _, value in new)
    for number, block in enumerate(blocks):
        rows += ["", *block] if number and gap else block
    rows = _separated(rows, style.separator)
    body = style.newline.join(margin + row if row else "" for row in rows)
    if before:
        # The blank line above becomes the new field's own; the old neighbour gets another.
        above = text[trivia.line_start(text, offset - 1) : offset] if offset else "-"
        return Edit.insertion(offset, body + style.newline * (1 if above.strip() else 2))
    lead = style.newline if gap else ""
    if offset == len(text) and not text.endswith("\n"):
        return Edit.insertion(offset, style.newline + lead + body)
    return Edit.insertion(offset, lead + body + style.newline)


def _shares_line(field: Field, before: bool) -> bool:
    """Whether the file is written without line breaks around the field."""
    text = field.document.text
    if before:
        return not trivia.begins_line(text, trivia.start_of(field))
    return trivia.line_end(text, trivia.end_of(field)) is None or (
        field.parent.is_root and len(field.parent.fields) > 1 and "\n" not in text.strip()
    )


def _on_the_line(
    field: Field, new: Sequence[tuple[str, object]], style: Style, offset: int, before: bool
) -> Edit:
    inner = f"{style.separator} ".join(inline(name, value, style) for name, value in new)
    if before:
        return Edit.insertion(offset, inner + style.separator + " ")
    tokens = field.document.tokens
    last = tokens[trivia.last_token(field)]
    if last.startswith("#"):
        # The line ends in a comment: what is new needs one of its own.
        return Edit.insertion(trivia.end_of(field), style.newline + inner)
    offset = trivia.end_of(field)
    lead = style.separator if field.separator < 0 else ""
    tail = style.separator if not lead else ""
    rest = field.document.text[offset : offset + 1]
    gap = " " if rest and not rest.isspace() and rest not in "}>]" else ""
    return Edit.insertion(offset, f"{lead} {inner}{tail}{gap}")


def _into_list(entry: Entry, values: list[object], style: Style, before: bool) -> Edit:
    document = entry.document
    value = entry.value
    margin = trivia.indentation(document.text, document.offsets[value.first])
    texts = []
    for new in values:
        if not is_message(new):
            texts.append(scalar_text(new, style.quote))
            continue
        one_line = isinstance(value, Message) and trivia.is_one_line(value)
        rows = message_lines(cast(NewFields, new), style, one_line)
        texts.append((style.newline + margin).join(rows))
    gap = style.newline + margin if len(entry.field.values) > 1 and _broken(entry.field) else " "
    if before:
        return Edit.insertion(
            document.offsets[value.first], "".join(f"{text},{gap}" for text in texts)
        )
    return Edit.insertion(
        document.offsets[value.last + 1], "".join(f",{gap}{text}" for text in texts)
    )


def _broken(field: Field) -> bool:
    """Whether the items of a list stand on lines of their own."""
    document = field.document
    start = document.offsets[field.values[0].last + 1]
    return "\n" in document.text[start : document.offsets[field.values[1].first]]


def inside(message: Message, new: Sequence[tuple[str, object]], style: Style) -> Edit:
    """New fields at the end of a message, or as its first ones where it is empty."""
    if message.fields:
        last = message.fields[-1]
        if last.values:
            return after(last.entries[-1], new, style)
    document = message.document
    if message.is_root:
        lead = style.newline if document.text and not document.text.endswith("\n") else ""
        body = style.newline.join(row for name, value in new for row in lines(name, value, style))
        return Edit.insertion(len(document.text), lead + body + style.newline)
    start, end = document.offsets[message.first + 1], document.offsets[message.last]
    if "\n" not in document.text[start:end]:
        inner = f"{style.separator} ".join(inline(name, value, style) for name, value in new)
        return Edit(start, end, f" {inner} ")
    margin = trivia.indentation(document.text, document.offsets[message.first])
    rows = [row for name, value in new for row in lines(name, value, style)]
    body = "".join(margin + style.indent + row + style.newline for row in rows)
    return Edit.insertion(trivia.line_start(document.text, end), body)


def replaced(entry: Entry, value: object) -> Edit:
    """A scalar's text replaced; nothing around it is touched."""
    scalar = entry.value
    assert isinstance(scalar, Scalar), "a message is edited field by field"
    document = scalar.document
    start, end = document.offsets[scalar.first], document.offsets[scalar.last + 1]
    mark = document.tokens[scalar.first][0] if scalar.is_string else '"'
    return Edit(start, end, scalar_text(value, mark))


def neighbour_style(entry: Entry) -> Style:
    """The style for what is put beside an entry."""
    value = entry.value
    return style_of(entry.document, value if isinstance(value, Message) else entry.field.parent)
