"""The parser from tokens to a tree: one loop without recursion, linear time, no schema."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import NoReturn

from ssdh_surgery.errors import ParseError
from ssdh_surgery.prototxt import foreign_text, hints, literals
from ssdh_surgery.prototxt.cst import Document, Field, Message, Scalar
from ssdh_surgery.prototxt.hints import token_text
from ssdh_surgery.prototxt.source import Source
from ssdh_surgery.prototxt.tokens import (
    DIGITS,
    NAME_START,
    QUOTES,
    is_closed,
    is_name,
    is_word,
    offsets,
    significant,
    tokenize,
)

_CLOSING = {"{": "}", "<": ">"}
_END = ""


def parse(data: bytes, file: str = "<text>") -> Document:
    """Parse a file in protobuf's text format and keep every byte of it.

    Args:
        data: the bytes of the file, in any encoding that extends ASCII.
        file: its name in error messages.

    Raises:
        ParseError: neither Python's `text_format` nor Caffe's parser accepts the syntax.

    >>> document = parse(b'name: "net"  # mine')
    >>> bytes(document)
    b'name: "net"  # mine'
    """
    return parse_source(Source.from_bytes(data, file))


def parse_source(source: Source) -> Document:
    """Parse text that is already decoded; see `parse`."""
    with _collector_paused():
        return _Parser(source).document()


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause Python's cyclic garbage collector, which would walk the growing tree repeatedly.

    A tree has no garbage; for 5 MB, the collector would take longer than the parser.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Parser:
    """A position in the significant tokens, and the messages that are still open."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = tokenize(source.text)
        self.offsets = offsets(self.tokens)
        self.result = Document(source, self.tokens, self.offsets)
        self.indices = significant(self.tokens)
        self.words = [self.tokens[index] for index in self.indices]
        self.words.append(_END)
        self.indices.append(len(self.tokens))
        self.at = 0
        # Only then can a string contain an invalid escape.
        self.has_escapes = "\\" in source.text or "\0" in source.text

    def document(self) -> Document:
        """The loop: each step reads a field of the innermost open message, or its end."""
        words, indices = self.words, self.indices
        message = self.result.root
        # The open messages, each with its field that the next inner message belongs to.
        around: list[tuple[Message, Field]] = []
        closing = _END
        while True:
            word = words[self.at]
            if word == closing:
                if not around:
                    return self.result
                message.last = indices[self.at]
                self.at += 1
                message, field = around.pop()
                closing = _closing(message)
                inner = self.after_item(field) if field.open >= 0 else None
            elif word in ("", "}", ">"):
                self.wrong_end(message, around[-1][1] if around else None)
            else:
                field = self.name(message)
                inner = self.value(field)
            if inner is not None:
                around.append((message, field))
                message, closing = inner, _CLOSING[self.tokens[inner.first]]
                continue
            field.last = indices[self.at - 1]
            if words[self.at] in (",", ";"):
                field.separator = indices[self.at]
                self.at += 1
            message.fields.append(field)

    def name(self, message: Message) -> Field:
        """The name of the next field."""
        word, index = self.words[self.at], self.indices[self.at]
        if word[0] in NAME_START or is_name(word):
            self.at += 1
            return Field(message, word, index)
        if word != "[":
            hint = hints.for_name(self.result, message, index)
            self.fail(f"expected the name of a field, found {token_text(word)}", hint)
        return Field(message, self.bracketed(message), index)

    def value(self, field: Field) -> Message | None:
        """The value, or the message that the next fields belong to."""
        words, indices = self.words, self.indices
        word = words[self.at]
        if word == ":":
            field.colon = indices[self.at]
            self.at += 1
            word = words[self.at]
        if word in _CLOSING:
            return self.open_message(field)
        if word == "[" and (field.colon >= 0 or words[self.at + 1] in ("{", "<", "]")):
            field.open = indices[self.at]
            self.at += 1
            return self.after_item(field) if words[self.at] == "]" else self.items(field)
        if field.colon < 0:
            self.no_colon(field, word)
        self.scalar(field)
        return None

    def items(self, field: Field) -> Message | None:
        """Items up to the end of the list, or up to one that is a message."""
        while self.words[self.at] not in _CLOSING:
            if field.colon < 0:
                self.expected("'{'", field)
            self.scalar(field)
            if self.words[self.at] != ",":
                return self.after_item(field)
            self.at += 1
        return self.open_message(field)

    def after_item(self, field: Field) -> Message | None:
        """After an item of a list: its end, or the next items."""
        word = self.words[self.at]
        if word == ",":
            self.at += 1
            return self.items(field)
        if word != "]":
            self.expected("',' or ']'", field)
        field.close = self.indices[self.at]
        self.at += 1
        return None

    def open_message(self, field: Field) -> Message:
        inner = Message(self.result, self.indices[self.at], field.parent.depth + 1)
        self.result.depth = max(self.result.depth, inner.depth)
        field.values.append(inner)
        self.at += 1
        return inner

    def scalar(self, field: Field) -> None:
        """A word, a number with an optional sign, or adjacent strings."""
        words, start = self.words, self.at
        word = words[start]
        first = word[:1]
        self.at += 1
        if first in NAME_START:
            pass
        elif first in QUOTES:
            self.strings(start)
        elif first in DIGITS or (first == "." and word != "."):
            if not literals.is_number(word):
                self.fail_at(start, f"{token_text(word)} is not a number", hints.for_number(word))
        elif word in ("-", "+"):
            self.signed(word)
        elif not word or not is_name(word):
            message = f"expected a value for {token_text(field.name)}, found {token_text(word)}"
            hint = hints.for_value(self.result, self.indices[start]) if word else None
            self.fail_at(start, message, hint)
        indices = self.indices
        field.values.append(Scalar(self.result, indices[start], indices[self.at - 1]))

    def signed(self, sign: str) -> None:
        """The number after a sign: directly after it, or apart from `-` if C++ accepts it."""
        number = self.words[self.at]
        joined = self.indices[self.at] == self.indices[self.at - 1] + 1
        is_joined = joined and number.isascii() and literals.is_number(sign + number)
        if not is_joined and not (sign == "-" and literals.is_negatable(number)):
            hint = hints.for_sign(self.result, self.indices[self.at - 1])
            self.fail(f"expected a number after '{sign}', found {token_text(number)}", hint)
        self.at += 1

    def strings(self, start: int) -> None:
        """Adjacent strings, which are one value."""
        words, end = self.words, start + 1
        while words[end][:1] in QUOTES:
            end += 1
        self.at = end
        for at in range(start, end):
            word = words[at]
            if not is_closed(word):
                hint = hints.for_open_string(word)
                self.fail_at(at, f"this string has no closing {word[0]} on its line", hint)
        if self.has_escapes and literals.unescape(word[1:-1] for word in words[start:end]) is None:
            self.bad_string(start, end)

    def bracketed(self, message: Message) -> str:
        """The name of an extension in brackets or, inside a message, the type URL of an Any."""
        parts = ["["]
        self.at += 1
        slash = message.is_root
        while True:
            word = self.words[self.at]
            if not word or not is_word(word):
                self.fail(f"expected a name in brackets, found {token_text(word)}")
            parts.append(word)
            self.at += 1
            word = self.words[self.at]
            # Protobuf accepts URLs with three parts before the slash: type.googleapis.com/NAME.
            if word == "/" and not slash and len(parts) == 6:
                slash = True
            elif word not in (".", "]"):
                name = token_text("".join(parts))
                self.fail(f"expected ']' after {name}, found {token_text(word)}")
            parts.append(word)
            self.at += 1
            if word == "]":
                return "".join(parts)

    def wrong_end(self, message: Message, field: Field | None) -> NoReturn:
        """The end of the file inside a message, or a brace that does not match."""
        word = self.words[self.at]
        if field is None:
            self.fail(f"'{word}' closes nothing", hints.for_stray_brace(self.result, message))
        opening = self.tokens[message.first]
        if word:
            line = self.source.line(self.offsets[message.first])
            self.fail(f"'{word}' cannot close the '{opening}' of line {line}")
        raise ParseError(
            f"the '{opening}' of {token_text(field.name)} is never closed",
            location=self.result.location(message.first),
            hint=hints.for_open_message(self.result, field, message),
        )

    def no_colon(self, field: Field, word: str) -> NoReturn:
        """Neither a colon nor a brace after a name; located on the line of the name."""
        message = f"expected ':' or '{{' after {token_text(field.name)}, found {token_text(word)}"
        between = self.tokens[self.indices[self.at - 1] + 1 : self.indices[self.at]]
        on_line = word and not any("\n" in token for token in between)
        at = self.at if on_line else self.at - 1
        hint = hints.not_text(self.source.text, word) or self.foreign(self.indices[self.at])
        self.fail_at(at, message, hint or hints.for_colon(self.result, field, word))

    def bad_string(self, start: int, end: int) -> NoReturn:
        """Point at an escape that no parser reads, or at strings that no parser reads entirely."""
        for at in range(start, end):
            if span := literals.bad_escape(self.words[at][1:-1]):
                offset, width = self.offsets[self.indices[at]] + 1 + span[0], span[1] - span[0]
                raise ParseError(
                    "this escape is not valid",
                    location=self.source.location(offset, width),
                    hint="write '\\\\' for a backslash",
                )
        self.fail_at(start, "no parser reads all escapes of this string")

    def expected(self, what: str, field: Field) -> NoReturn:
        """Another token was expected in a list."""
        word = self.words[self.at]
        self.fail(
            f"expected {what} in the list of {token_text(field.name)}, found {token_text(word)}"
        )

    def fail(self, message: str, hint: str | None = None) -> NoReturn:
        self.fail_at(self.at, message, hint)

    def fail_at(self, at: int, message: str, hint: str | None = None) -> NoReturn:
        index = self.indices[at]
        if index < len(self.tokens):
            location = self.result.location(index)
        else:
            # The end of the file is located after its last word.
            location = self.source.location(self.offsets[self.indices[at - 1] + 1])
        hint = hints.not_text(self.source.text, self.words[at]) or self.foreign(index) or hint
        raise ParseError(message, location=location, hint=hint)

    def foreign(self, index: int) -> str | None:
        """The hint for text at a token that belongs to no prototxt."""
        return foreign_text.hint_at(self.source, self.offsets[min(index, len(self.tokens) - 1)])


def _closing(message: Message) -> str:
    return _END if message.is_root else _CLOSING[message.document.tokens[message.first]]
