"""THE rule of trivia: which comments and blank lines belong to a field.

A comment belongs to a field if it begins on the field's last line, or if it is on lines of its
own directly above the field's first line with no blank line in between. Its content is never
examined. The comment block at the start of the file, and one before a closing brace, belong to
the file or the message. The same holds for the items of a list in brackets.

Removing a field removes its comments, one preceding blank line and nothing else; commenting it
out keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from ssdh_surgery.prototxt.cst import Document, Field, Value
from ssdh_surgery.prototxt.lines import opens_line
from ssdh_surgery.prototxt.tokens import is_comment, is_space


@dataclass(frozen=True)
class ListItem:
    """One value of a list in brackets; `separator` is the comma after it, or -1."""

    field: Field
    value: Value
    separator: int

    @property
    def document(self) -> Document:
        """The document that contains it."""
        return self.field.document

    @property
    def first(self) -> int:
        """Its first token."""
        return self.value.first

    @property
    def last(self) -> int:
        """Its last token, without the comma."""
        return self.value.last


# A unit that can be inserted, removed or commented out.
Part = Field | ListItem


def items_of(field: Field) -> list[ListItem]:
    """The items of a list in brackets."""
    tokens = field.document.tokens
    commas = [
        next(at for at in range(before.last + 1, after.first) if tokens[at] == ",")
        for before, after in pairwise(field.values)
    ]
    return [
        ListItem(field, value, comma)
        for value, comma in zip(field.values, [*commas, -1], strict=False)
    ]


# ---------------------------------------------------------------- ownership


def first_token(part: Part) -> int:
    """The first token that belongs to a part, including the comments above it."""
    document, tokens = part.document, part.document.tokens
    first = at = part.first
    while at >= 2 and is_space(tokens[at - 1]) and tokens[at - 1].count("\n") == 1:
        if not is_comment(tokens[at - 2]) or not opens_line(document, at - 2):
            break
        first = at = at - 2
    # Comments at the start of the file belong to the file.
    return part.first if all(is_space(tokens[index]) for index in range(first)) else first


def last_token(part: Part) -> int:
    """The last token that belongs to a part, including separator and trailing comment."""
    tokens = part.document.tokens
    last = max(part.last, part.separator)
    after = last + 1
    if after < len(tokens) and is_space(tokens[after]) and "\n" not in tokens[after]:
        after += 1
    return after if after < len(tokens) and is_comment(tokens[after]) else last


def start_of(part: Part) -> int:
    """The offset at which a part with its comments begins."""
    return part.document.offsets[first_token(part)]


def end_of(part: Part) -> int:
    """The offset at which a part with its comments ends."""
    return part.document.offsets[last_token(part) + 1]


def is_blank_between(before: Part, after: Part) -> bool:
    """Whether there is a blank line between two neighbours."""
    between = before.document.tokens[last_token(before) + 1 : first_token(after)]
    return any(token.count("\n") > 1 for token in between)
