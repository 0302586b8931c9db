"""A piece of a message: a field with its comments and the space before it.

Pieces can be renamed, moved and turned into comments; an untouched piece is copied byte for
byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ssdh_surgery.prototxt.cst import Field, Message, Scalar, Value
from ssdh_surgery.prototxt.render import scalar_text
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.prototxt.tokens import is_comment


@dataclass(frozen=True)
class Piece:
    """A field with its comments, or comments alone (then the `body` is empty).

    Attributes:
        gap: the white space before it.
        body: the text of the field.
        lead: the comments above the field.
        trail: its separator, and the comment after it.
        margin: the indentation that its lines share.
        opens: whether it begins a line.
        field: the field that it was.
        span: its start and end in the text, gap included, unless it was changed or moved.
    """

    gap: str
    body: str
    lead: str = ""
    trail: str = ""
    margin: str = ""
    opens: bool = True
    field: Field | None = None
    span: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The name of its field; empty for comments."""
        return self.field.name if self.field else ""

    @property
    def start(self) -> int:
        """The offset of its field in the text; -1 for comments."""
        return self.field.start if self.field else -1

    @property
    def text(self) -> str:
        """Its text without the gap."""
        return self.lead + self.body + self.trail

    @property
    def ends_in_comment(self) -> bool:
        """Whether the text after it must begin a new line."""
        return not self.body or "#" in self.trail

    @property
    def fits_a_line(self) -> bool:
        """Whether it can share a line with any other piece."""
        return not self.ends_in_comment and "\n" not in self.text

    def with_name(self, name: str) -> Piece:
        """The same value in a field of another name."""
        assert self.field is not None, "comments have no name"
        return replace(self, body=name + self.body[len(self.field.name) :], span=None)

    def with_value(self, value: object, style: Style) -> Piece:
        """The same field with another value."""
        assert self.field is not None, "comments have no value"
        document, last = self.field.document, self.field.values[-1]
        head = document.text[self.field.start : document.offsets[last.first]]
        rest = document.text[document.offsets[last.last + 1] : self.field.end]
        return replace(self, body=head + scalar_text(value, style.quote) + rest, span=None)

    def as_comment(self) -> Piece:
        """The field as a comment, from which a person can restore it."""
        first, *rest = self.body.split("\n")
        rows = [f"# {first}"]
        for row in rest:
            shared = self.margin if row.startswith(self.margin) else ""
            rows.append(f"{shared}# {row[len(shared) :]}" if row.strip() else row)
        # A separator on the last row is now part of the comment.
        beside, newline, below = self.trail.partition("\n")
        rows[-1] += beside + newline + without_separator(below)
        return replace(self, lead=self.lead + "\n".join(rows), body="", trail="", span=None)

    def comments_only(self, but: Piece | None = None) -> list[Piece]:
        """The comments of the piece without its field; empty if it has none.

        The comments of a piece within it, `but`, are left out if that piece goes elsewhere.
        """
        start, end = but.span if but and but.span else (0, 0)
        inside = [text for place, text in self._comments_within() if not start <= place < end]
        comments = [self.lead.rstrip(), *inside, without_separator(self.trail).lstrip(" \t")]
        lead = f"\n{self.margin}".join(filter(None, comments))
        return [replace(self, lead=lead, body="", trail="", span=None)] if lead else []

    def items(self, style: Style) -> list[Piece]:
        """Each value of a list in brackets as a field; a plain field is its only item."""
        field = self.field
        if field is None or not field.is_list:
            return [self]
        rows = [f"{field.name}:{style.after_colon}{_value_text(value)}" for value in field.values]
        inside = [
            f"{text}\n{self.margin}"
            for place, text in self._comments_within()
            if not any(_covers(value, place) for value in field.values)
        ]
        lead = self.lead + "".join(inside)
        items = [replace(self, body=row, lead="", trail="", span=None) for row in rows]
        gap = style.newline + self.margin if self.opens else " "
        items[1:] = [replace(each, gap=gap) for each in items[1:]]
        items[:1] = [replace(each, lead=lead) for each in items[:1]]
        items[-1:] = [replace(each, trail=self.trail) for each in items[-1:]]
        return items

    def _comments_within(self) -> list[tuple[int, str]]:
        """The comments from the first token of the field to its last, with their offsets."""
        if self.field is None:
            return []
        document = self.field.document
        indices = range(self.field.first, self.field.last)
        return [
            (document.offsets[index], document.tokens[index])
            for index in indices
            if is_comment(document.tokens[index])
        ]

    def head_comments(self) -> str:
        """The comments between the name of a message field and its brace, as lines."""
        assert self.field is not None, "comments have no brace"
        (value,) = self.field.values
        brace = self.field.document.offsets[value.first]
        comments = [text for place, text in self._comments_within() if place < brace]
        return "".join(f"{text}\n{self.margin}" for text in comments)

    def below(self, style: Style) -> Piece:
        """The piece at the beginning of a new line."""
        return replace(self, gap=style.newline + self.margin, opens=True, span=None)

    def beside(self) -> Piece:
        """The piece on the line of the one before it."""
        return replace(self, gap=" ", opens=False, span=None)

    def at(self, margin: str) -> Piece:
        """The piece with another indentation; lines without the old one stay unchanged."""
        before, newline, blanks = self.gap.rpartition("\n")
        gap = before + newline + margin if newline and blanks == self.margin else self.gap
        lead, body, trail = (
            _shift(text, self.margin, margin) for text in (self.lead, self.body, self.trail)
        )
        return replace(self, gap=gap, lead=lead, body=body, trail=trail, margin=margin, span=None)


def without_separator(trail: str) -> str:
    """The trail of a field without its separator, which may be below its comments."""
    rest = re.sub(r"(?m)^(\s*)[,;]", r"\1", trail)
    return rest if rest.strip() else ""


def _shift(text: str, old: str, new: str) -> str:
    """Lines with another indentation, except the first, which follows a gap.

    Blank lines stay unchanged, except that a last one is the indentation of a field.
    """
    first, *rest = text.split("\n")
    rows = [
        new + row.removeprefix(old) if row.startswith(old) and (row.strip() or last) else row
        for row, last in zip(rest, [False] * (len(rest) - 1) + [True], strict=False)
    ]
    return "\n".join([first, *rows])


def _covers(value: Value, offset: int) -> bool:
    """Whether a value is a message, which is copied as a whole, and contains an offset."""
    offsets = value.document.offsets
    return isinstance(value, Message) and offsets[value.first] <= offset < offsets[value.last]


def _value_text(value: Value) -> str:
    """The text of a value, without comments between the parts of a string."""
    if isinstance(value, Scalar):
        return " ".join(value.words) if value.is_string else value.text
    offsets = value.document.offsets
    return value.document.text[offsets[value.first] : offsets[value.last + 1]]
