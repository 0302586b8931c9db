"""Rewriting the inside of a message from pieces, with edits only where it differs."""

from __future__ import annotations

from collections.abc import Sequence

from ssdh_surgery.prototxt import lines
from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.prototxt.edits import Edit
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.surgery.upgrade.piece import Piece
from ssdh_surgery.surgery.upgrade.pieces import margin_of, pieces_of


def rewrite(message: Message, pieces: Sequence[Piece], style: Style) -> list[Edit]:
    """The edits that make pieces the inside of a message.

    Unchanged pieces, which must be in their old order, are not touched.
    """
    return _Writer(message, style).edits(pieces)


class _Writer:
    """Collects the edits of one message."""

    def __init__(self, message: Message, style: Style) -> None:
        self.message = message
        self.style = style
        old = pieces_of(message)
        document = message.document
        begin = document.offsets[message.first + 1]
        self.gaps = {piece.span[0]: piece.gap for piece in old if piece.span}
        spans = [piece.span for piece in old if piece.span]
        # The offset up to which the text is written, the end, and the new text to put next.
        self.at = spans[0][0] if spans else begin
        self.end = spans[-1][1] if spans else begin
        self.pending = ""
        self.result: list[Edit] = []

    def edits(self, pieces: Sequence[Piece]) -> list[Edit]:
        ends_in_comment = begins = False
        for piece in pieces:
            gap = piece.gap
            if ends_in_comment and "\n" not in gap:
                gap = self.style.newline + margin_of(self.message, self.style)
            elif not begins and self.message.is_root and piece.span is None:
                gap = gap.lstrip("\r\n")
            self._put(piece, gap)
            ends_in_comment, begins = piece.ends_in_comment, True
        if ends_in_comment:
            self._close_line()
        self._flush(self.end)
        return self.result

    def _put(self, piece: Piece, gap: str) -> None:
        if piece.span is None:
            text = gap + piece.text
            self.pending += self._apart_from(text) + text
            return
        start, end = piece.span
        old = self.gaps[start]
        self.pending += "" if gap == old else gap
        self._flush(start if gap == old else start + len(old))
        self.at = end

    def _flush(self, end: int) -> None:
        if end > self.at or self.pending:
            self.pending += self._apart_from(self.message.document.text[end : end + 1])
            self.result.append(Edit(self.at, end, self.pending))
        self.pending = ""

    def _apart_from(self, text: str) -> str:
        """The space that keeps the text so far and the text after it from joining in one word."""
        before = self.pending or self.message.document.text[max(self.at - 1, 0) : self.at]
        return " " if _is_word_character(before[-1:]) and _is_word_character(text[:1]) else ""

    def _close_line(self) -> None:
        """Make sure that a comment does not swallow the closing brace."""
        document, last = self.message.document, self.message.last
        after = document.text[self.end : document.offsets[last]]
        if "\n" not in after and not self.message.is_root:
            start = document.offsets[self.message.first]
            self.pending += self.style.newline + lines.indentation(document, start)


def _is_word_character(char: str) -> bool:
    return char.isalnum() or char in ("_", ".", "-", "+")
