"""The pieces of a message, which together are all that is inside its braces.

A loose comment belongs to the field below it. The comments on the line of the opening brace
and those before the closing brace are pieces of their own, so no comment is lost.
"""

from __future__ import annotations

from ssdh_surgery.prototxt import lines, trivia
from ssdh_surgery.prototxt.cst import Document, Message
from ssdh_surgery.prototxt.source import BOM
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.prototxt.tokens import is_comment, is_space
from ssdh_surgery.surgery.upgrade.piece import Piece


def pieces_of(message: Message) -> list[Piece]:
    """The pieces of a message; joined, they are all of its inside but the last white space."""
    document, tokens = message.document, message.document.tokens
    at = message.first + 1
    if message.is_root and tokens[:1] == [BOM]:
        at += 1
    pieces: list[Piece] = []
    for field in message.fields:
        first = trivia.first_token(field)
        head = first if message.is_root else _end_of_line(document, at)
        if not pieces and any(map(is_comment, tokens[at:head])):
            pieces.append(_comments(document, at, head))
            at = head
        start = _first_comment(document, at, first)
        last = trivia.last_token(field)
        span = (document.offsets[at], document.offsets[last + 1])
        pieces.append(
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
        pieces.append(_comments(document, at, message.last))
    return pieces


def _end_of_line(document: Document, at: int) -> int:
    """The token after a comment on the line of an opening brace."""
    tokens = document.tokens
    after = at + int(is_space(tokens[at]) and "\n" not in tokens[at])
    return after + 1 if is_comment(tokens[after]) else at


def _first_comment(document: Document, at: int, end: int) -> int:
    return next((i for i in range(at, end) if is_comment(document.tokens[i])), end)


def _comments(document: Document, at: int, end: int) -> Piece:
    """The comments between two tokens, as a piece."""
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
