"""Tokens to tree, in one loop without recursion: any depth, linear time, no schema."""

from __future__ import annotations

from typing import NoReturn

from ssdh_surgery.errors import Location, ParseError
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Document, Field, Message, Scalar
from ssdh_surgery.prototxt.source import Source
from ssdh_surgery.prototxt.tokens import (
    DIGITS,
    NAME_START,
    QUOTES,
    is_foreign_letter,
    is_name,
    offsets,
    significant,
    tokenize,
)

_CLOSING = {"{": "}", "<": ">"}
_END = ""


def parse(data: bytes, file: str = "<text>") -> Document:
    """Parse a file in protobuf's text format and keep every byte of it.

    Args:
        data: the file's bytes, of any encoding that agrees with ASCII where it matters.
        file: the name that error messages give it.

    Raises:
        ParseError: neither Python's `text_format` nor Caffe's parser would take the syntax.

    >>> document = parse(b'name: "net"  # mine')
    >>> bytes(document)
    b'name: "net"  # mine'
    """
    return parse_source(Source.from_bytes(data, file))


def parse_source(source: Source) -> Document:
    """Parse text that is already decoded; see `parse`."""
    return _Parser(source).document()


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

    def document(self) -> Document:
        """The loop: a field of the innermost open message, or its end."""
        words, indices = self.words, self.indices
        message = self.result.root
        # What is open: the message around, and the field in it that the inner one belongs to.
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
                inner = self.after_value(field) if field.open >= 0 else None
            else:
                field = self.name(message, closing)
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

    def name(self, message: Message, closing: str) -> Field:
        """The name of the next field."""
        word, index = self.words[self.at], self.indices[self.at]
        if word and (word[0] in NAME_START or is_name(word)):
            self.at += 1
            return Field(message, word, index)
        if word != "[":
            self.no_name(message, word, closing)
        return Field(message, self.bracketed(), index)

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
            if words[self.at] == "]":
                return self.after_value(field)
            return self.list_items(field)
        if field.colon < 0:
            self.fail(f"expected ':' or '{{' after '{field.name}'{self.found()}")
        self.scalar(field)
        return None

    def list_items(self, field: Field) -> Message | None:
        """Items up to the end of the list, or up to one that is a message."""
        while self.words[self.at] not in _CLOSING:
            self.scalar(field)
            if self.words[self.at] != ",":
                return self.after_value(field)
            self.at += 1
        return self.open_message(field)

    def after_value(self, field: Field) -> Message | None:
        """After an item of a list: its end, or the next items."""
        word = self.words[self.at]
        if word == "]":
            field.close = self.indices[self.at]
            self.at += 1
            return None
        if word != ",":
            if not word:
                self.fail_at(field.open, f"the list of '{field.name}' is never closed")
            self.fail(f"expected ',' or ']' in the list of '{field.name}'{self.found()}")
        self.at += 1
        if field.colon < 0 and self.words[self.at] not in _CLOSING:
            self.fail(f"expected '{{' in the list of '{field.name}'{self.found()}")
        return self.list_items(field)

    def open_message(self, field: Field) -> Message:
        inner = Message(self.result, self.indices[self.at], field.parent.depth + 1)
        field.values.append(inner)
        self.at += 1
        return inner

    def scalar(self, field: Field) -> None:
        """A word, a number with or without sign, or adjacent strings."""
        words, start = self.words, self.at
        word = words[start]
        first = word[0] if word else _END
        self.at += 1
        if first in QUOTES:
            while words[self.at] and words[self.at][0] in QUOTES:
                self.at += 1
            self.check_strings(start, self.at)
        elif word in ("-", "+"):
            self.signed(field, word)
        elif first in DIGITS or first == ".":
            if not literals.is_number(word):
                self.fail(f"'{word}' is not a number", back=1)
        elif first not in NAME_START and not is_foreign_letter(word):
            self.at = start
            self.fail(f"expected a value for '{field.name}'{self.found()}", _comment_hint(word))
        indices = self.indices
        field.values.append(Scalar(self.result, indices[start], indices[self.at - 1]))

    def signed(self, field: Field, sign: str) -> None:
        number = self.words[self.at]
        joined = self.indices[self.at] == self.indices[self.at - 1] + 1
        wordy = bool(number) and number[0] not in QUOTES and number not in ("-", "+")
        if not wordy or not (
            (joined and literals.is_number(sign + number))
            or (sign == "-" and literals.is_cxx_number(number))
        ):
            self.fail(f"expected a number after '{sign}'{self.found()}")
        self.at += 1

    def check_strings(self, start: int, stop: int) -> None:
        for at in range(start, stop):
            word = self.words[at]
            if len(word) < 2 or word[-1] != word[0] or _ends_escaped(word):
                self.fail_at(self.indices[at], "this string is never closed on its line")
            if "\\" in word and literals.unescape(word[1:-1]) is None:
                self.fail_at(self.indices[at], "an escape in this string is not valid")

    def bracketed(self) -> str:
        """An extension's name or an Any's type URL, in brackets."""
        parts = [self.words[self.at]]
        self.at += 1
        slash = False
        while True:
            word = self.words[self.at]
            if not word or not (word[0] in NAME_START or is_foreign_letter(word)):
                self.fail(f"expected a name in brackets{self.found()}")
            parts.append(word)
            self.at += 1
            word = self.words[self.at]
            # Protobuf takes a URL of three parts before its slash: type.googleapis.com/NAME.
            if word == "." or (word == "/" and not slash and len(parts) == 6):
                slash = slash or word == "/"
            elif word != "]":
                self.fail(f"expected ']' after '{''.join(parts)}'{self.found()}")
            parts.append(word)
            self.at += 1
            if word == "]":
                return "".join(parts)

    def found(self) -> str:
        word = self.words[self.at]
        return f", found '{word[:40]}'" if word else ", found the end of the file"

    def no_name(self, message: Message, word: str, closing: str) -> NoReturn:
        if not word:
            name = self.tokens[message.first]
            self.fail_at(message.first, f"this '{name}' is never closed")
        if word in ("}", ">"):
            if not closing:
                self.fail(f"'{word}' closes nothing")
            opened = self.source.line(self.offsets[message.first])
            self.fail(f"expected '{closing}' for the message of line {opened}{self.found()}")
        self.fail(f"expected the name of a field{self.found()}", _comment_hint(word))

    def fail(self, message: str, hint: str | None = None, back: int = 0) -> NoReturn:
        self.fail_at(self.indices[self.at - back], message, hint)

    def fail_at(self, index: int, message: str, hint: str | None = None) -> NoReturn:
        raise ParseError(message, location=self.place(index), hint=hint)

    def place(self, index: int) -> Location:
        if index < len(self.tokens):
            return self.result.location(index)
        return self.source.location(len(self.source.text.rstrip()))


def _closing(message: Message) -> str:
    return _END if message.is_root else _CLOSING[message.document.tokens[message.first]]


def _ends_escaped(word: str) -> bool:
    """Whether the last quote of a string is an escaped one."""
    body = word[1:-1]
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1


def _comment_hint(word: str) -> str | None:
    return "a comment begins with '#'" if word == "/" else None
