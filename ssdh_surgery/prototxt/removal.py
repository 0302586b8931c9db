"""Remove fields, or comment them out, with the trivia that belongs to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ssdh_surgery.prototxt.cst import Document, Entry, Field, Message
from ssdh_surgery.prototxt.edits import Edit, merge_deletions
from ssdh_surgery.prototxt.lines import indentation, line_start, next_line, opens_line
from ssdh_surgery.prototxt.tokens import is_comment, is_space
from ssdh_surgery.prototxt.trivia import ListItem, Part, first_token, items_of, last_token, start_of


def place_before(part: Part, until: int) -> int:
    """The offset for new lines before a part, its comments and the blank line above it.

    It is the offset where a removal of all lines from the part to `until` begins, so that both
    edits can be combined.
    """
    return _lines_start(part.document, start_of(part), until)


def remove(entries: Collection[Entry], followed: Field | None = None) -> list[Edit]:
    """The edits that remove entries with their trivia.

    `followed` is a list in which new items replace those at its end: its commas stay.
    """
    edits: list[Edit] = []
    for siblings, indices in _groups(entries):
        document = siblings[0].document
        for run in _runs(siblings, indices):
            edits += _deletions(document, first_token(run[0]), last_token(run[-1]))
        comma = _loose_separator(siblings, indices, followed)
        if comma is not None:
            blank = _blanks(document, comma - 1)
            edits.append(
                Edit.deletion(document.offsets[comma] - blank, document.offsets[comma + 1])
            )
    return merge_deletions(edits)


def _groups(entries: Collection[Entry]) -> list[tuple[Sequence[Part], list[int]]]:
    """The parts to remove, grouped by siblings: fields of a message, or items of a list."""
    chosen: dict[int, tuple[Field, set[int]]] = {}
    end = -1
    for entry in sorted(entries, key=lambda entry: entry.value.first):
        # Entries inside another one are removed with it.
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
    """The parts to remove, in runs with at most one blank line between neighbours."""
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
    """The separator before the last siblings, if their removal leaves it dangling."""
    last = siblings[-1]
    if last.separator >= 0 or indices[-1] != len(siblings) - 1:
        return None
    if isinstance(last, ListItem) and last.field is followed:
        return None
    kept = next((at for at in reversed(range(len(siblings))) if at not in set(indices)), None)
    return None if kept is None or siblings[kept].separator < 0 else siblings[kept].separator


def _deletions(document: Document, first: int, last: int) -> list[Edit]:
    """The edits that delete tokens: whole lines, or part of a line with an adjacent space."""
    text = document.text
    start, end = document.offsets[first], document.offsets[last + 1]
    opens, after = opens_line(document, first), next_line(document, last)
    if opens and after is not None:
        return [Edit.deletion(_lines_start(document, start, after), after)]
    left, right = _blanks(document, first - 1), _blanks(document, last + 1)
    if left and not opens:
        # A space is kept where two words would run together.
        joined = not right and is_wordy(text[start - left - 1]) and is_wordy(text[end : end + 1])
        return [Edit.deletion(start - left + joined, end)]
    edits = [Edit.deletion(start, end)]
    if right and (opens or text[end + right : end + right + 1] not in "\n}>]"):
        # A separate edit: new text may be inserted before this space.
        edits.append(Edit.deletion(end, end + right))
    return edits


def _lines_start(document: Document, start: int, after: int) -> int:
    """The offset at which the deletion of whole lines begins, including a blank line above.

    `after` is the offset at which the lines end.
    """
    text, line = document.text, line_start(document, start)
    above = line_start(document, line - 1) if line else 0
    if not text[above:line].strip():
        line = above
    if after == len(text) and not text.endswith("\n") and text[line - 1 : line] == "\n":
        # The last line has no newline: the one before it is deleted instead.
        line -= 2 if text[:line].endswith("\r\n") else 1
    return line


def _blanks(document: Document, index: int) -> int:
    """The length of a token that is white space within a line, otherwise 0."""
    tokens = document.tokens
    if not 0 <= index < len(tokens) or not is_space(tokens[index]) or "\n" in tokens[index]:
        return 0
    return len(tokens[index])


def is_wordy(char: str) -> bool:
    """Whether a character can be part of a word or a number."""
    return char.isalnum() or char in tuple("_+-.")


def comment_out(
    entries: Collection[Entry], newline: str, followed: Field | None = None
) -> list[Edit]:
    """The edits that turn entries into comments; their own comments are kept.

    `followed` as in `removal`.
    """
    edits: list[Edit] = []
    for siblings, indices in _groups(entries):
        comma = None
        if isinstance(siblings[0], ListItem):
            comma = _loose_separator(siblings, indices, followed)
        for index in indices:
            part = siblings[index]
            document, first, last = part.document, part.first, max(part.last, part.separator)
            if comma is not None and index and siblings[index - 1].separator == comma:
                # A list has no comma after its last item.
                if any("\n" in token for token in document.tokens[comma:first]):
                    edits += _comment_marks(document, comma, comma, newline)
                else:
                    first = comma
            edits += _comment_marks(document, first, last, newline)
    return edits


def _comment_marks(document: Document, first: int, last: int, newline: str) -> list[Edit]:
    """The edits that insert a `#` on each line of some tokens."""
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
            # The comment would swallow the rest of the line.
            edits.append(Edit(end, end + blank, newline + margin))
    return edits
