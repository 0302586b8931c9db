"""Grouping pieces in a new message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ssdh_surgery.prototxt import trivia
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.surgery.upgrade.piece import Piece


def group(
    name: str,
    members: Sequence[Piece],
    style: Style,
    margin: str,
    *,
    one_line: bool | None = None,
    hoist: bool = False,
) -> Piece:
    """A new message that holds pieces, in the place of the first one.

    Args:
        name: the field of the message.
        members: the pieces, in order; at least one.
        style: the style of the file.
        margin: the indentation of the new field if it begins a line.
        one_line: whether to write it on one line if possible. None decides by the layout of
            the members, or by the small messages of the file if each had a line of its own.
        hoist: move the comments above the first member above the new field.
    """
    first = members[0]
    lead, body_of_first = (first.lead, replace(first, lead="")) if hoist else ("", first)
    inside = [body_of_first, *members[1:]]
    if all(piece.fits_a_line and not piece.lead for piece in inside) and (
        not first.opens or _on_one_line(name, members, style, one_line)
    ):
        # A piece with a separator of its own does not need the file's.
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
    """Whether a piece was on the line on which the one before it ended."""
    if piece.opens or piece.field is None or before.field is None:
        return False
    return trivia.last_token(before.field) + 2 == piece.field.first


def _lead_at(piece: Piece, lead: str, margin: str) -> str:
    return replace(piece, lead=lead).at(margin).lead


def _gap(piece: Piece, margin: str) -> str:
    """The white space before a piece that begins a line, with another indentation."""
    before, newline, _ = piece.gap.rpartition("\n")
    return before + newline + margin if newline else ""
