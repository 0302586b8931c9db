"""THE rule: which comments and blank lines belong to a field, and go or stay with it.

A comment belongs to a field if it begins on the field's last line, or stands on lines of
its own directly above the field's first line with no blank line between. What it says is
never looked at. The comment block that begins the file, and one before a closing brace,
belong to the file or the message. The items of a list in brackets are treated alike.

Removing a field removes its comments, one preceding blank line and nothing else;
commenting it out keeps them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ssdh_surgery.prototxt.cst import Document, Entry, Field, Message, Value
from ssdh_surgery.prototxt.edits import Edit, union
from ssdh_surgery.prototxt.tokens import is_comment, is_space


@dataclass(frozen=True)
class Item:
    """One value of a list in brackets; `separator` is the comma after it, or -1."""

    field: Field
    value: Value
    separator: int

    @property
    def document(self) -> Document:
        """The document that it stands in."""
        return self.field.document

    @property
    def first(self) -> int:
        """Its first token."""
        return self.value.first

    @property
    def last(self) -> int:
        """Its last token, the comma left out."""
        return self.value.last


# What can be put in, taken out and commented out.
Part = Field | Item


def items_of(field: Field) -> list[Item]:
    """The items of a list in brackets."""
    tokens = field.document.tokens
    commas = [
        next(at for at in range(before.last + 1, after.first) if tokens[at] == ",")
        for before, after in pairwise(field.values)
    ]
    return [
        Item(field, value, comma) for value, comma in zip(field.values, [*commas, -1], strict=False)
    ]


# ---------------------------------------------------------------- what belongs together


def first_token(part: Part) -> int:
    """The first token that belongs to a part: of its comments above, or its own."""
    document, tokens = part.document, part.document.tokens
    first = at = part.first
    while at >= 2 and is_space(tokens[at - 1]) and tokens[at - 1].count("\n") == 1:
        if not is_comment(tokens[at - 2]) or not opens_line(document, at - 2):
            break
        first = at = at - 2
    # What begins the file is the file's.
    return part.first if all(map(is_space, tokens[:first])) else first


def last_token(part: Part) -> int:
    """The last token that belongs to a part: its separator and the comment on its last line."""
    tokens = part.document.tokens
    last = max(part.last, part.separator)
    after = last + 1
    if after < len(tokens) and is_space(tokens[after]) and "\n" not in tokens[after]:
        after += 1
    return after if after < len(tokens) and is_comment(tokens[after]) else last


def start_of(part: Part) -> int:
    """The offset of the first thing that belongs to a part."""
    return part.document.offsets[first_token(part)]


def end_of(part: Part) -> int:
    """The offset after all that belongs to a part."""
    return part.document.offsets[last_token(part) + 1]


def is_blank_between(before: Part, after: Part) -> bool:
    """Whether a blank line stands between two neighbours."""
    between = before.document.tokens[last_token(before) + 1 : first_token(after)]
    return any(token.count("\n") > 1 for token in between)


# ---------------------------------------------------------------- lines


def line_start(document: Document, offset: int) -> int:
    """The offset at which the line of an offset begins; a byte order mark is before it."""
    start = document.source.line_starts[document.source.line(offset) - 1]
    return 1 if start == 0 and document.text.startswith("\ufeff") else start


def indentation(document: Document, offset: int) -> str:
    """The blanks and tabs that begin the line of an offset."""
    start = end = line_start(document, offset)
    while document.text[end : end + 1] in (" ", "\t"):
        end += 1
    return document.text[start:end]


def opens_line(document: Document, index: int) -> bool:
    """Whether only white space stands before a token on its line."""
    tokens = document.tokens
    while index and is_space(tokens[index - 1]) and "\n" not in tokens[index - 1]:
        index -= 1
    return index == 0 or is_space(tokens[index - 1])


def next_line(document: Document, index: int) -> int | None:
    """The offset of the line after a token, None where more follows on its own line."""
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


def place_before(part: Part, until: int) -> int:
    """The offset for new lines before a part, its comments and the blank line above it.

    Where taking out all lines from the part on to an offset would begin, so that both can
    be done at once.
    """
    return _lines_start(part.document, start_of(part), until)


# ---------------------------------------------------------------- taking away


def removal(entries: Collection[Entry], followed: Field | None = None) -> list[Edit]:
    """The edits that take entries out, with what belongs to them.

    `followed` is a list at whose end something new takes their place: its commas stay.
    """
    edits: list[Edit] = []
    for siblings, indices in _groups(entries):
        document = siblings[0].document
        for run in _runs(siblings, indices):
            edits += _taken_out(document, first_token(run[0]), last_token(run[-1]))
        comma = _loose_separator(siblings, indices, followed)
        if comma is not None:
            blank = _blanks(document, comma - 1)
            edits.append(
                Edit.deletion(document.offsets[comma] - blank, document.offsets[comma + 1])
            )
    return union(edits)


def _groups(entries: Collection[Entry]) -> list[tuple[Sequence[Part], list[int]]]:
    """What to take out, by its siblings: whole fields of a message, items of a list."""
    chosen: dict[int, tuple[Field, set[int]]] = {}
    end = -1
    for entry in sorted(entries, key=lambda entry: entry.value.first):
        # What is within another one goes with it.
        if entry.value.first > end:
            chosen.setdefault(id(entry.field), (entry.field, set()))[1].add(entry.index)
            end = entry.value.last
    whole: dict[int, tuple[Message, set[int]]] = {}
    groups: list[tuple[Sequence[Part], list[int]]] = []
    for field, indices in chosen.values():
        if len(indices) < len(field.values):
            groups.append((items_of(field), sorted(indices)))
        else:
            whole.setdefault(id(field.parent), (field.parent, set()))[1].add(id(field))
    for message, fields in whole.values():
        places = [index for index, each in enumerate(message.fields) if id(each) in fields]
        groups.append((message.fields, places))
    return groups


def _runs(siblings: Sequence[Part], indices: Sequence[int]) -> list[list[Part]]:
    """Parts to take out, those together that have at most one blank line between them."""
    runs: list[list[Part]] = []
    for place, index in enumerate(indices):
        part = siblings[index]
        if place and indices[place - 1] == index - 1 and _adjoin(runs[-1][-1], part):
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _adjoin(before: Part, after: Part) -> bool:
    between = before.document.tokens[last_token(before) + 1 : first_token(after)]
    return all(is_space(token) and token.count("\n") <= 2 for token in between)


def _loose_separator(
    siblings: Sequence[Part], indices: Sequence[int], followed: Field | None
) -> int | None:
    """The separator before the last siblings, if it separates nothing once they are gone."""
    last = siblings[-1]
    if last.separator >= 0 or indices[-1] != len(siblings) - 1:
        return None
    if isinstance(last, Item) and last.field is followed:
        return None
    kept = next((at for at in reversed(range(len(siblings))) if at not in set(indices)), None)
    return None if kept is None or siblings[kept].separator < 0 else siblings[kept].separator


def _taken_out(document: Document, first: int, last: int) -> list[Edit]:
    """The edits that take tokens out: whole lines, or a part of one with a space beside it."""
    text = document.text
    start, end = document.offsets[first], document.offsets[last + 1]
    opens, after = opens_line(document, first), next_line(document, last)
    if opens and after is not None:
        return [Edit.deletion(_lines_start(document, start, after), after)]
    left, right = _blanks(document, first - 1), _blanks(document, last + 1)
    if left and not opens:
        # One space stays where two words would run together.
        joined = not right and is_wordy(text[start - left - 1]) and is_wordy(text[end : end + 1])
        return [Edit.deletion(start - left + joined, end)]
    edits = [Edit.deletion(start, end)]
    if right and (opens or text[end + right : end + right + 1] not in "\n}>]"):
        # An edit of its own: something new may stand before this space.
        edits.append(Edit.deletion(end, end + right))
    return edits


def _lines_start(document: Document, start: int, after: int) -> int:
    """Where whole lines that are taken out begin: with the blank line above them.

    `after` is where they end.
    """
    text, line = document.text, line_start(document, start)
    above = line_start(document, line - 1) if line else 0
    if not text[above:line].strip():
        line = above
    if after == len(text) and not text.endswith("\n") and text[line - 1 : line] == "\n":
        # The last line has no newline of its own: the one before it goes instead.
        line -= 2 if text[:line].endswith("\r\n") else 1
    return line


def _blanks(document: Document, index: int) -> int:
    """The length of a token that is white space within a line, else 0."""
    tokens = document.tokens
    if not 0 <= index < len(tokens) or not is_space(tokens[index]) or "\n" in tokens[index]:
        return 0
    return len(tokens[index])


def is_wordy(char: str) -> bool:
    """Whether a character can be a part of a word or a number."""
    return char.isalnum() or char in tuple("_+-.")


# ---------------------------------------------------------------- commenting out


def commenting(
    entries: Collection[Entry], newline: str, followed: Field | None = None
) -> list[Edit]:
    """The edits that turn entries into comments; their own comments stay as they are.

    `followed` as in `removal`.
    """
    edits: list[Edit] = []
    for siblings, indices in _groups(entries):
        comma = None
        if isinstance(siblings[0], Item):
            comma = _loose_separator(siblings, indices, followed)
        for index in indices:
            part = siblings[index]
            document, first, last = part.document, part.first, max(part.last, part.separator)
            if comma is not None and index and siblings[index - 1].separator == comma:
                # A list has no comma after its last item.
                if any("\n" in token for token in document.tokens[comma:first]):
                    edits += _commented(document, comma, comma, newline)
                else:
                    first = comma
            edits += _commented(document, first, last, newline)
    return edits


def _commented(document: Document, first: int, last: int, newline: str) -> list[Edit]:
    """The edits that put a `#` before tokens, on each of their lines."""
    text, starts = document.text, document.source.line_starts
    start, end = document.offsets[first], document.offsets[last + 1]
    margin = indentation(document, start)
    touches = start > 0 and not is_space(document.tokens[first - 1])
    edits = [Edit.insertion(start, " # " if touches else "# ")]
    for line in range(document.source.line(start), document.source.line(end - 1)):
        at = starts[line]
        stop = text.find("\n", at)
        if text[at : stop if stop >= 0 else len(text)].strip():
            shared = len(margin) if text.startswith(margin, at) else 0
            edits.append(Edit.insertion(at + shared, "# "))
    if next_line(document, last) is None:
        blank = _blanks(document, last + 1)
        if not is_comment(document.tokens[last + 1 + bool(blank)]):
            # The comment would swallow what follows on the line.
            edits.append(Edit(end, end + blank, newline + margin))
    return edits
