"""A piece of a message: a field with its comments and the space before it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ssdh_surgery.prototxt.cst import Field, Message, Scalar, Value
from ssdh_surgery.prototxt.render import scalar_text
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.prototxt.tokens import is_comment


@dataclass(frozen=True)
class Piece:
    """A field with what belongs to it, or comments alone (then the `body` is empty).

    `gap` is the white space before it, `lead` the comments above the field, `trail` its
    separator and the comment after it, `margin` the indentation that its lines share, and
    `opens` whether it begins a line. `span` is its place in the text, gap included, as long
    as it stands there and only the gap may change.
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
        """The name that its field had; comments have none."""
        return self.field.name if self.field else ""

    @property
    def start(self) -> int:
        """Where its field stood."""
        return self.field.start if self.field else -1

    @property
    def text(self) -> str:
        """All but the white space before it."""
        return self.lead + self.body + self.trail

    @property
    def ends_in_comment(self) -> bool:
        """Whether what follows must stand on another line."""
        return not self.body or "#" in self.trail

    @property
    def fits_a_line(self) -> bool:
        """Whether it can share a line with others, whatever these are."""
        return not self.ends_in_comment and "\n" not in self.text

    def renamed(self, name: str) -> Piece:
        """The same value in a field of another name."""
        assert self.field is not None, "comments have no name"
        return replace(self, body=name + self.body[len(self.field.name) :], span=None)

    def valued(self, value: object, style: Style) -> Piece:
        """The same field with another value."""
        assert self.field is not None, "comments have no value"
        document, last = self.field.document, self.field.values[-1]
        head = document.text[self.field.start : document.offsets[last.first]]
        rest = document.text[document.offsets[last.last + 1] : self.field.end]
        return replace(self, body=head + scalar_text(value, style.quote) + rest, span=None)

    def commented(self) -> Piece:
        """The field turned into a comment, as a person can put it back."""
        first, *rest = self.body.split("\n")
        rows = [f"# {first}"]
        for row in rest:
            shared = self.margin if row.startswith(self.margin) else ""
            rows.append(f"{shared}# {row[len(shared) :]}" if row.strip() else row)
        # A separator on the last row is part of the comment now.
        beside, newline, below = self.trail.partition("\n")
        rows[-1] += beside + newline + without_separator(below)
        return replace(self, lead=self.lead + "\n".join(rows), body="", trail="", span=None)

    def comments_only(self, but: Piece | None = None) -> list[Piece]:
        """What is left of the piece without its field: all its comments, or nothing.

        Those of a piece within it can be left out: they have gone elsewhere.
        """
        start, end = but.span if but and but.span else (0, 0)
        inside = [text for place, text in self._comments_within() if not start <= place < end]
        found = [self.lead.rstrip(), *inside, without_separator(self.trail).lstrip(" \t")]
        lead = f"\n{self.margin}".join(filter(None, found))
        return [replace(self, lead=lead, body="", trail="", span=None)] if lead else []

    def items(self, style: Style) -> list[Piece]:
        """The values of a list in brackets as fields of their own; a plain field is one."""
        field = self.field
        if field is None or not field.is_list:
            return [self]
        rows = [f"{field.name}:{style.after_colon}{_written(value)}" for value in field.values]
        inside = [
            f"{text}\n{self.margin}"
            for place, text in self._comments_within()
            if not any(_covers(value, place) for value in field.values)
        ]
        lead = self.lead + "".join(inside)
        found = [replace(self, body=row, lead="", trail="", span=None) for row in rows]
        gap = style.newline + self.margin if self.opens else " "
        found[1:] = [replace(each, gap=gap) for each in found[1:]]
        found[:1] = [replace(each, lead=lead) for each in found[:1]]
        found[-1:] = [replace(each, trail=self.trail) for each in found[-1:]]
        return found

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
        found = [text for place, text in self._comments_within() if place < brace]
        return "".join(f"{text}\n{self.margin}" for text in found)

    def below(self, style: Style) -> Piece:
        """The piece at the beginning of a line of its own."""
        return replace(self, gap=style.newline + self.margin, opens=True, span=None)

    def beside(self) -> Piece:
        """The piece on the line of what stands before it."""
        return replace(self, gap=" ", opens=False, span=None)

    def at(self, margin: str) -> Piece:
        """The piece with another indentation; lines that did not share the old one stay."""
        before, newline, blanks = self.gap.rpartition("\n")
        gap = before + newline + margin if newline and blanks == self.margin else self.gap
        lead, body, trail = (
            _shifted(text, self.margin, margin) for text in (self.lead, self.body, self.trail)
        )
        return replace(self, gap=gap, lead=lead, body=body, trail=trail, margin=margin, span=None)


def without_separator(trail: str) -> str:
    """What follows a field, as comments alone; the separator may stand below them."""
    rest = re.sub(r"(?m)^(\s*)[,;]", r"\1", trail)
    return rest if rest.strip() else ""


def _shifted(text: str, old: str, new: str) -> str:
    """Lines with another indentation, but for the first, which a gap indents.

    Blank lines stay as they are; what ends comments above a field indents the field.
    """
    first, *rest = text.split("\n")
    rows = [
        new + row.removeprefix(old) if row.startswith(old) and (row.strip() or last) else row
        for row, last in zip(rest, [False] * (len(rest) - 1) + [True], strict=False)
    ]
    return "\n".join([first, *rows])


def _covers(value: Value, offset: int) -> bool:
    """Whether a message, which is kept as it stands, holds an offset."""
    offsets = value.document.offsets
    return isinstance(value, Message) and offsets[value.first] <= offset < offsets[value.last]


def _written(value: Value) -> str:
    """A value as it stands; comments between the parts of a string are not its own."""
    if isinstance(value, Scalar):
        return " ".join(value.words) if value.is_string else value.text
    offsets = value.document.offsets
    return value.document.text[offsets[value.first] : offsets[value.last + 1]]
