"""Insert new fields: below, above or on the line of others, in lists, and in empty messages.

`removal.remove` undoes every insertion, byte for byte.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ssdh_surgery.prototxt import lines, removal, trivia
from ssdh_surgery.prototxt.cst import Document, Entry, Field, Message
from ssdh_surgery.prototxt.edits import Edit
from ssdh_surgery.prototxt.render import (
    NewFields,
    field_lines,
    inline,
    is_message,
    message_lines,
    scalar_text,
    with_separators,
)
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.prototxt.trivia import ListItem, Part


def joins_list(entry: Entry, new: NewFields) -> bool:
    """Whether new fields become items of the list in brackets that contains an entry."""
    return entry.field.is_list and all(name == entry.field.name for name, _ in new)


def after(entry: Entry, new: NewFields, style: Style, comment: str | None = None) -> list[Edit]:
    """The edits for new fields after an entry (inside its list, if the names are the same).

    `comment` goes on lines of its own above them; it is left out if they share a line with
    others.
    """
    return _Neighbour(_part(entry, new), style).after(new, comment)


def before(
    entry: Entry,
    new: NewFields,
    style: Style,
    comment: str | None = None,
    gone: Collection[Entry] = (),
) -> list[Edit]:
    """The edits for new fields before an entry and its comments; `comment` as in `after`.

    At the very beginning of a file, a comment becomes that of the file. `gone` are entries that
    the same change removes; the one directly before this entry counts only if this entry stays.
    """
    if joins_list(entry, new) and all(each in gone for each in entry.field.entries):
        return _Neighbour(entry.field, style, gone).before(new, comment)
    return _Neighbour(_part(entry, new), style, gone).before(new, comment)


def takes_place(entry: Entry, gone: Collection[Entry]) -> bool:
    """Whether an entry and all later ones in its list in brackets are removed."""
    rest = entry.field.entries[entry.index :]
    return entry.field.is_list and all(each in gone for each in rest)


def inside(message: Message, new: NewFields, style: Style) -> list[Edit]:
    """The edits for new fields at the end of a message."""
    if message.fields:
        last = message.fields[-1]
        part = _part(last.entries[-1], new) if last.values else last
        return _Neighbour(part, style).after(new, None)
    document = message.document
    if message.is_root:
        return [_first_of_file(document, new, style)]
    # At its beginning, so that none of its comments becomes that of the new field.
    place = lines.next_line(document, message.first)
    brace = message.first + 1
    if place is None and document.text.find("\n", *_span(document, brace, message.last)) < 0:
        text = f"{style.inline_separator} ".join(inline(*field, style) for field in new)
        blank = " " if document.tokens[brace].isspace() else ""
        return [Edit.insertion(document.offsets[brace], blank + text)]
    place = place or document.text.index("\n", document.offsets[brace]) + 1
    margin = lines.indentation(document, document.offsets[message.first]) + style.indent
    rows = [row for name, value in new for row in field_lines(name, value, style)]
    return [Edit.insertion(place, "".join(margin + row + style.newline for row in rows))]


def _span(document: Document, first: int, last: int) -> tuple[int, int]:
    return document.offsets[first], document.offsets[last]


def _first_of_file(document: Document, new: NewFields, style: Style) -> Edit:
    """New fields in a file without fields: after its comments."""
    text, newline = document.text, style.newline
    body = newline.join(row for name, value in new for row in field_lines(name, value, style))
    line = lines.line_start(document, len(text))
    if line < len(text):
        blank = "" if text[line:].strip() else newline
        return Edit.insertion(len(text), newline + blank + body)
    # A blank line at the end of the comments is kept.
    above = text[lines.line_start(document, line - 1) : line] if line else ""
    blank = newline if above and not above.strip() else ""
    return Edit.insertion(line, blank + body + newline)


def _part(entry: Entry, new: NewFields) -> Part:
    return trivia.items_of(entry.field)[entry.index] if joins_list(entry, new) else entry.field


def _is_gone(part: Part, gone: Collection[Entry]) -> bool:
    """Whether all values of a part are removed."""
    values = part.values if isinstance(part, Field) else [part.value]
    return bool(values) and all(any(entry.value is each for entry in gone) for each in values)


class _Neighbour:
    """The field or list item next to which new fields go, in a given style."""

    def __init__(self, part: Part, style: Style, gone: Collection[Entry] = ()) -> None:
        self.part = part
        self.style = style
        self.document = part.document
        siblings: Sequence[Part] = part.parent.fields if isinstance(part, Field) else ()
        self.siblings = trivia.items_of(part.field) if isinstance(part, ListItem) else siblings
        place = next(at for at, each in enumerate(self.siblings) if each.last == part.last)
        self.is_last = place == len(self.siblings) - 1
        # Whether no list items remain after new items before this one.
        self.ends_list = isinstance(part, ListItem) and takes_place(part.field.entries[place], gone)
        self.is_gone = _is_gone(part, gone)
        self.follows_gone = place > 0 and _is_gone(self.siblings[place - 1], gone)
        self.opens = lines.opens_line(self.document, part.first)

    def after(self, new: NewFields, comment: str | None) -> list[Edit]:
        """New fields below, or on the line if it continues or holds several fields."""
        document, last = self.document, trivia.last_token(self.part)
        place = lines.next_line(document, last)
        is_plain = last == max(self.part.last, self.part.separator)
        runs_on = place is None or (is_plain and self.is_last and not self.opens)
        separator = self._own_separator()
        lead = "" if separator or not self.is_last else self._missing_separator(runs_on)
        end = trivia.end_of(self.part)
        if place is None or runs_on:
            return [
                self._spaced(end, lead, self._on_line(new, lead or separator, separator), separator)
            ]
        return self._below(new, comment, place, lead, separator)

    def _below(
        self, new: NewFields, comment: str | None, place: int, lead: str, separator: str
    ) -> list[Edit]:
        text, newline = self.document.text, self.style.newline
        end, value_end = trivia.end_of(self.part), self.document.offsets[self.part.last + 1]
        is_clean = end == value_end and not text[end:place].strip("\r\n")
        if lead and not is_clean and not isinstance(self.part, ListItem):
            lead = ""
        gap = newline if self._is_gap(new) else ""
        body = gap + self._lines(new, comment, lead or separator, separator)
        if lead and is_clean:
            # Separator and lines are one edit, so that two of them combine.
            return [Edit.insertion(end, lead + (text[end:place] or newline) + body)]
        ends_file = place == len(text) and not text.endswith("\n")
        edit = Edit.insertion(place, newline + body if ends_file else body + newline)
        return [Edit.insertion(value_end, lead), edit] if lead else [edit]

    def before(self, new: NewFields, comment: str | None) -> list[Edit]:
        """New fields above, or on the line if it is shared."""
        document, part = self.document, self.part
        first = trivia.first_token(part)
        start = document.offsets[first]
        if first == part.first and (not self.opens or self._is_one_line_file()):
            separator = self._own_separator() or self._missing_separator(True)
            body = self._on_line(new, separator, "" if self.ends_list else separator)
            if self.opens or self.follows_gone:
                return [Edit.insertion(start, body + " ")]
            return [
                self._spaced(document.offsets[first - self._blanks_before()], "", body, separator)
            ]
        separator = self._own_separator() or self._missing_separator(False)
        place = removal.place_before(part, self._until())
        # The white space that a removal of the part would delete precedes the new fields.
        lead = document.text[place : lines.line_start(document, start)]
        ends_line = lines.line_start(document, place) < place
        body = self._lines(new, comment, separator, "" if self.ends_list else separator)
        if comment and lead.count("\n") == ends_line and self._follows_header(first):
            body = self.style.newline + body
        return [Edit.insertion(place, lead + body + ("" if ends_line else self.style.newline))]

    def _until(self) -> int:
        """The end of a possible removal from the part on; 0 if the part above is removed."""
        if self.follows_gone:
            return 0
        if self.is_gone:
            return len(self.document.text)
        return lines.next_line(self.document, trivia.last_token(self.part)) or 0

    def _blanks_before(self) -> int:
        """1 if white space precedes the part on its line."""
        return int(self.document.tokens[self.part.first - 1].isspace())

    def _spaced(self, place: int, lead: str, body: str, separator: str) -> Edit:
        """An edit within a line, separated by one space from the text there."""
        text = self.document.text
        follows = text[place : place + 1]
        if (
            not follows
            or follows.isspace()
            or follows in "}>]"
            or removal.is_wordy(text[place - 1])
        ):
            return Edit.insertion(place, f"{lead} {body}")
        return Edit.insertion(place, body if separator else body + " ")

    def _own_separator(self) -> str:
        return self.document.tokens[self.part.separator] if self.part.separator >= 0 else ""

    def _missing_separator(self, on_line: bool) -> str:
        """The separator that a part without one needs next to new fields."""
        if isinstance(self.part, ListItem):
            return ","
        if not self.is_last:
            return ""
        return self.style.inline_separator if on_line else self.style.separator

    def _is_one_line_file(self) -> bool:
        part = self.part
        if isinstance(part, ListItem) or not part.parent.is_root or len(self.siblings) < 2:
            return False
        fields = part.parent.fields
        return self.document.text.find("\n", fields[0].start, fields[-1].end) < 0

    def _follows_header(self, first: int) -> bool:
        """Whether only the comments at the start of the file precede a token."""
        tokens = self.document.tokens[:first]
        return self.part is self.siblings[0] and any(not token.isspace() for token in tokens)

    def _is_gap(self, new: NewFields) -> bool:
        return self.style.blank_between and any(is_message(value) for _, value in new)

    def _blocks(self, new: NewFields, on_line: bool) -> list[list[str]]:
        style, part = self.style, self.part
        if isinstance(part, Field):
            if on_line and (self._is_one_line_file() or lines.is_one_line(part.parent)):
                return [[inline(name, value, style)] for name, value in new]
            return [field_lines(name, value, style) for name, value in new]
        one_line = isinstance(part.value, Message) and lines.is_one_line(part.value)
        return [
            message_lines(value, style, one_line)
            if is_message(value)
            else [scalar_text(value, style.quote)]
            for _, value in new
        ]

    def _on_line(self, new: NewFields, between: str, last: str) -> str:
        """The new fields as part of a line."""
        margin = lines.indentation(self.document, self.document.offsets[self.part.first])
        blocks = with_separators(self._blocks(new, on_line=True), between)
        return " ".join((self.style.newline + margin).join(rows) for rows in blocks) + last

    def _lines(self, new: NewFields, comment: str | None, between: str, last: str) -> str:
        """The new fields as separate lines, without the last line break."""
        rows = [f"# {row}" for row in comment.splitlines()] if comment else []
        for number, block in enumerate(with_separators(self._blocks(new, on_line=False), between)):
            rows += ["", *block] if number and self._is_gap(new) else block
        rows[-1] += last
        margin = self._margin()
        return self.style.newline.join(margin + row if row else "" for row in rows)

    def _margin(self) -> str:
        """The indentation of siblings on lines of their own."""
        document, offsets = self.document, self.document.offsets
        line = document.source.line(offsets[self.part.first])
        opener = next(
            (
                part
                for part in self.siblings
                if document.source.line(offsets[part.first]) == line
                and lines.opens_line(document, part.first)
            ),
            None,
        )
        margin = lines.indentation(document, offsets[self.part.first])
        return margin if opener else margin + self.style.indent
