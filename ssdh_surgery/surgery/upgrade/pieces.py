"""The inside of a message as pieces: a field with its comments and the space before it.

Pieces can be renamed, regrouped, moved and turned into comments; what is not touched is
copied byte for byte. Loose comments go with the field below them; those on the line of the
opening brace and those before the closing one are pieces of their own. So none is lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ssdh_surgery.prototxt import lines, trivia
from ssdh_surgery.prototxt.cst import Document, Field, Message, Scalar, Value
from ssdh_surgery.prototxt.render import scalar_text
from ssdh_surgery.prototxt.source import BOM
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.prototxt.tokens import is_comment, is_space


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


def pieces_of(message: Message) -> list[Piece]:
    """The pieces of a message, in order: joined, they are its inside up to the last space."""
    document, tokens = message.document, message.document.tokens
    at = message.first + 1
    if message.is_root and tokens[:1] == [BOM]:
        at += 1
    found: list[Piece] = []
    for field in message.fields:
        first = trivia.first_token(field)
        head = first if message.is_root else _end_of_line(document, at)
        if not found and any(map(is_comment, tokens[at:head])):
            found.append(_comments(document, at, head))
            at = head
        start = _first_comment(document, at, first)
        last = trivia.last_token(field)
        span = (document.offsets[at], document.offsets[last + 1])
        found.append(
            Piece(
                gap=document.text[span[0] : document.offsets[start]],
                lead=document.text[document.offsets[start] : field.start],
                body=document.text[field.start : field.end],
                trail=document.text[field.end : span[1]],
                margin=lines.indentation(document, field.start),
                opens=lines.opens_line(document, start),
                field=field,
                span=span,
            )
        )
        at = last + 1
    if any(map(is_comment, tokens[at : message.last])):
        found.append(_comments(document, at, message.last))
    return found


def _end_of_line(document: Document, at: int) -> int:
    """The token after the comment that ends the line of an opening brace."""
    tokens = document.tokens
    after = at + int(is_space(tokens[at]) and "\n" not in tokens[at])
    return after + 1 if is_comment(tokens[after]) else at


def _first_comment(document: Document, at: int, end: int) -> int:
    return next((i for i in range(at, end) if is_comment(document.tokens[i])), end)


def _comments(document: Document, at: int, end: int) -> Piece:
    """The comments between two tokens as a piece of their own."""
    start = _first_comment(document, at, end)
    while not is_comment(document.tokens[end - 1]):
        end -= 1
    offsets, text = document.offsets, document.text
    return Piece(
        gap=text[offsets[at] : offsets[start]],
        body="",
        lead=text[offsets[start] : offsets[end]],
        margin=lines.indentation(document, offsets[start]),
        opens=lines.opens_line(document, start),
        span=(offsets[at], offsets[end]),
    )


def margin_of(message: Message, style: Style) -> str:
    """The indentation of the fields of a message."""
    document = message.document
    for field in message.fields:
        if lines.opens_line(document, field.first):
            return lines.indentation(document, field.start)
    if message.is_root:
        return ""
    return lines.indentation(document, document.offsets[message.first]) + style.indent


def grouped(
    name: str,
    members: Sequence[Piece],
    style: Style,
    margin: str,
    *,
    one_line: bool | None = None,
    hoist: bool = False,
) -> Piece:
    """Pieces within a new message, in the place of the first one.

    Args:
        name: of the field that holds the message.
        members: what it holds, in order, at least one piece.
        style: how the file is written.
        margin: the indentation of the new field, where it begins a line.
        one_line: whether it goes on one line if it can; None: as the members stood, and
            as the file writes small messages where those stood on lines of their own.
        hoist: the comments above the first member go above the new field.
    """
    first = members[0]
    lead, body_of_first = (first.lead, replace(first, lead="")) if hoist else ("", first)
    inside = [body_of_first, *members[1:]]
    if all(piece.fits_a_line and not piece.lead for piece in inside) and (
        not first.opens or _on_one_line(name, members, style, one_line)
    ):
        # A piece that brings its own separator needs none of the file's.
        last = inside[-1]
        rows = [piece.body + (piece.trail or style.inline_separator) for piece in inside[:-1]]
        body = " ".join([*rows, last.body + last.trail])
        head = style.head_of(name).replace("\n", " ")
        body = f"{style.padding}{body}{style.padding}"
        body = f"{name}{head}{style.braces[0]}{body}{style.braces[1]}"
        return replace(first.at(margin), lead=_lead_at(first, lead, margin), body=body, trail="")
    inner = margin + style.indent
    text = style.newline + inner + inside[0].at(inner).text
    for before, piece in pairwise(inside):
        gap = _gap(piece, inner) or style.newline + inner
        text += (piece.gap if _shares_line(before, piece) else gap) + piece.at(inner).text
    head = style.head_of(name).replace("\n", style.newline + margin)
    body = f"{name}{head}{style.braces[0]}{text}{style.newline}{margin}{style.braces[1]}"
    gap = _gap(first, margin) if first.opens else style.newline + margin
    lead = _lead_at(first, lead, margin)
    return Piece(gap, body, lead, margin=margin, field=first.field)


def _on_one_line(name: str, members: Sequence[Piece], style: Style, one_line: bool | None) -> bool:
    if one_line is not None:
        return one_line
    if len(members) > 1:
        return not any(piece.opens for piece in members[1:])
    return style.is_one_line(name, is_leaf=True)


def _shares_line(before: Piece, piece: Piece) -> bool:
    """Whether a piece stood on the line on which the one before it ended."""
    if piece.opens or piece.field is None or before.field is None:
        return False
    return trivia.last_token(before.field) + 2 == piece.field.first


def _lead_at(piece: Piece, lead: str, margin: str) -> str:
    return replace(piece, lead=lead).at(margin).lead


def _gap(piece: Piece, margin: str) -> str:
    """The white space before a piece that begins a line, at another indentation."""
    before, newline, _ = piece.gap.rpartition("\n")
    return before + newline + margin if newline else ""
