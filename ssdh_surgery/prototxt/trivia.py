"""THE rule: which comments and blank lines belong to a field, and go or stay with it.

A comment belongs to a field if it begins on the field's last line, or stands on lines of
its own directly above the field's first line with no blank line between. What it says is
never looked at. The comment block that begins the file, and one before a closing brace,
belong to the file or the message.

Removing a field removes its comments, one preceding blank line and nothing else;
commenting it out keeps them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import pairwise

from ssdh_surgery.prototxt.cst import Document, Entry, Field, Message
from ssdh_surgery.prototxt.edits import Edit, union
from ssdh_surgery.prototxt.tokens import is_comment, is_space


def first_token(field: Field) -> int:
    """The first token that belongs to a field: of its comments above, or its own."""
    tokens = field.document.tokens
    first = at = field.first
    while at >= 2 and tokens[at - 1].count("\n") == 1 and is_space(tokens[at - 1]):
        if not is_comment(tokens[at - 2]) or not _begins_line(tokens, at - 2):
            return first
        first = at = at - 2
    begins_file = (
        all(is_space(token) for token in tokens[:first]) if first != field.first else False
    )
    return field.first if begins_file else first


def last_token(field: Field) -> int:
    """The last token that belongs to a field: its separator and the comment on its last line."""
    tokens = field.document.tokens
    last = max(field.last, field.separator)
    after = last + 1
    if after < len(tokens) and is_space(tokens[after]) and "\n" not in tokens[after]:
        after += 1
    return after if after < len(tokens) and is_comment(tokens[after]) else last


def _begins_line(tokens: list[str], index: int) -> bool:
    return index == 0 or (is_space(tokens[index - 1]) and ("\n" in tokens[index - 1] or index == 1))


def line_start(text: str, offset: int) -> int:
    """The offset at which the line of an offset begins; a byte order mark is before it."""
    start = text.rfind("\n", 0, offset) + 1
    return start + 1 if start == 0 and text.startswith("\ufeff") else start


def indentation(text: str, offset: int) -> str:
    """The white space that begins the line of an offset."""
    start = line_start(text, offset)
    end = start
    while end < len(text) and text[end] in " \t":
        end += 1
    return text[start:end]


def begins_line(text: str, offset: int) -> bool:
    """Whether only white space stands before an offset on its line."""
    return not text[line_start(text, offset) : offset].strip()


def line_end(text: str, offset: int) -> int | None:
    """The offset after the line's newline where only white space follows, else None."""
    end = text.find("\n", offset)
    if text[offset : end if end >= 0 else len(text)].strip():
        return None
    return end + 1 if end >= 0 else len(text)


def end_of(field: Field) -> int:
    """The offset after all that belongs to a field."""
    return field.document.offsets[last_token(field) + 1]


def start_of(field: Field) -> int:
    """The offset of the first thing that belongs to a field."""
    return field.document.offsets[first_token(field)]


# ---------------------------------------------------------------- taking away


def removal(entries: Collection[Entry]) -> list[Edit]:
    """The edits that take entries out, with what belongs to them."""
    return union(
        edit
        for field, indices in _by_field(entries)
        for edit in (
            [_field_removal(field)]
            if len(indices) == len(field.values)
            else [_widened(field.document, *span) for span in _item_spans(field, indices)]
        )
    )


def _by_field(entries: Iterable[Entry]) -> list[tuple[Field, set[int]]]:
    grouped: dict[int, tuple[Field, set[int]]] = {}
    for entry in entries:
        grouped.setdefault(id(entry.field), (entry.field, set()))[1].add(entry.index)
    return list(grouped.values())


def _field_removal(field: Field) -> Edit:
    text = field.document.text
    start, end = start_of(field), end_of(field)
    after = line_end(text, end)
    if after is None or not begins_line(text, start):
        return _widened(field.document, start, end)
    start = line_start(text, start)
    blank = line_start(text, start - 1) if start else 0
    if start and not text[blank:start].strip():
        start = blank
    elif after == len(text) and not text.endswith("\n") and start:
        # The last line has no newline of its own: the one before it goes instead.
        start -= 2 if text[:start].endswith("\r\n") else 1
    return Edit.deletion(start, after)


def _widened(document: Document, start: int, end: int) -> Edit:
    """A part of a line, with the white space on one side of it."""
    text = document.text
    left, right = start, end
    while left > 0 and text[left - 1] in " \t":
        left -= 1
    while right < len(text) and text[right] in " \t":
        right += 1
    if left == 0 or text[left - 1] == "\n" or left == start:
        # Nothing to its left on the line: what follows takes its place.
        return (
            Edit.deletion(start, right)
            if left < start or _at_line_start(text, start)
            else (Edit.deletion(start, end))
        )
    # One space stays where two words would run together.
    joined = right == end and end < len(text) and (text[end].isalnum() or text[end] in "_\"'[+-.")
    return Edit.deletion(left + joined, end)


def _at_line_start(text: str, offset: int) -> bool:
    return offset == 0 or text[offset - 1] == "\n"


def _item_spans(field: Field, indices: set[int]) -> list[tuple[int, int]]:
    """The spans of items in a list, each with the comma that must go with it."""
    kept = set(range(len(field.values))) - indices
    offsets = field.document.offsets
    commas = _commas(field)
    spans = []
    for index in sorted(indices):
        value = field.values[index]
        start, end = offsets[value.first], offsets[value.last + 1]
        if any(other > index for other in kept):
            end = offsets[commas[index] + 1]
        else:
            start = offsets[commas[index - 1]]
        spans.append((start, end))
    return spans


def _commas(field: Field) -> list[int]:
    """The token index of the comma after each item but the last."""
    tokens = field.document.tokens
    return [
        next(at for at in range(before.last + 1, after.first) if tokens[at] == ",")
        for before, after in pairwise(field.values)
    ]


# ---------------------------------------------------------------- commenting out


def commenting(entries: Collection[Entry], newline: str) -> list[Edit]:
    """The edits that turn entries into comments; their own comments stay as they are."""
    edits = []
    for field, indices in _by_field(entries):
        offsets = field.document.offsets
        if len(indices) == len(field.values):
            last = max(field.last, field.separator)
            spans = [(offsets[field.first], offsets[last + 1])]
        else:
            spans = _item_spans(field, indices)
        for start, end in spans:
            edits += _comment_span(field.document.text, start, end, newline)
    return edits


def _comment_span(text: str, start: int, end: int, newline: str) -> list[Edit]:
    margin = indentation(text, start)
    edits = [Edit.insertion(start, "# ")]
    at = text.find("\n", start, end) + 1
    while at:
        stop = text.find("\n", at)
        line = text[at : stop if stop >= 0 else len(text)]
        if line.strip():
            shared = len(margin) if line.startswith(margin) else 0
            edits.append(Edit.insertion(at + shared, "# "))
        at = text.find("\n", at, end) + 1
    rest = text[end : text.find("\n", end) if text.find("\n", end) >= 0 else len(text)]
    if rest.strip() and not rest.lstrip().startswith("#"):
        # The comment would swallow what follows on the line.
        blank = len(rest) - len(rest.lstrip(" \t"))
        edits.append(Edit(end, end + blank, newline + margin))
    return edits


# ---------------------------------------------------------------- putting in


def place_after(field: Field) -> int:
    """The offset for a new line after a field, or for more on its line if that goes on."""
    end = end_of(field)
    after = line_end(field.document.text, end)
    return end if after is None else after


def place_before(field: Field) -> int:
    """The offset for a new line before a field and its comments."""
    text = field.document.text
    start = start_of(field)
    return line_start(text, start) if begins_line(text, start) else start


def is_blank_between(before: Field, after: Field) -> bool:
    """Whether a blank line stands between two neighbours."""
    tokens = before.document.tokens
    between = tokens[last_token(before) + 1 : first_token(after)]
    return any(token.count("\n") > 1 for token in between)


def is_one_line(message: Message) -> bool:
    """Whether a message opens and closes on one line."""
    document = message.document
    start, end = document.offsets[message.first], document.offsets[message.last]
    return document.text.find("\n", start, end) < 0
