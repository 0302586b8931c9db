"""Hints for parse errors: one line about the likely mistake.

Each function examines the tokens around the error and returns None if it has no suggestion.
"""

from __future__ import annotations

import re

from ssdh_surgery.prototxt.cst import Document, Field, Message, Scalar
from ssdh_surgery.prototxt.foreign_text import CURLY_QUOTES, JSON, WEB_PAGE
from ssdh_surgery.prototxt.source import BOM
from ssdh_surgery.prototxt.tokens import DIGITS, is_comment, is_space, is_string

_SHOWN_WIDTH = 40
_CONTROL = re.compile("[\0-\x08\x0e-\x1b\x7f]")
_UTF_16 = re.compile("\udcff\udcfe|\udcfe\udcff|(?:[\t\n\r -~]\0){2}|(?:\0[\t\n\r -~]){2}")
_OF_TEXT = frozenset("/.~\\$@%*")

_COMMENT = "comments begin with '#'"
_NAME_IN_QUOTES = "field names have no quotes"
_QUOTES = "put quotes around the text"
_YAML = "this looks like YAML: a prototxt encloses the fields of a message in '{ }'"


def token_text(token: str) -> str:
    """A token for a message: shortened, with unprintable characters replaced."""
    if not token:
        return "the end of the file"
    code = ord(token[0])
    if len(token) == 1 and not token.isprintable():
        is_byte = code < 0x80 or 0xDC80 <= code <= 0xDCFF
        return f"byte 0x{code & 0xFF:02x}" if is_byte else f"U+{code:04X}"
    text = "".join(char if char.isprintable() else "?" for char in token[:_SHOWN_WIDTH])
    text += "..." if len(token) > _SHOWN_WIDTH else ""
    return text if is_string(token) else f"'{text}'"


def not_text(text: str, token: str) -> str | None:
    """For a file that is not UTF-8 text, or contains invalid bytes."""
    if _UTF_16.match(text):
        return "this looks like UTF-16: save the file as UTF-8"
    if len(token) != 1 or token.isprintable():
        return None
    if _CONTROL.search(text):
        return "this looks like a binary file, perhaps a .caffemodel: a prototxt is text"
    if "\udc80" <= token <= "\udcff":
        return "bytes that are not UTF-8 are allowed in strings and comments only"
    return f"an invisible character{' (a byte order mark)' if token == BOM else ''}: delete it"


def for_name(document: Document, message: Message, index: int) -> str | None:
    """For a token in place of a field name."""
    tokens = document.tokens
    token = tokens[index]
    if message.is_root and not message.fields and token in ("{", "<"):
        return JSON if token == "{" else WEB_PAGE
    if _is_foreign_comment(document, index):
        return _COMMENT
    if token == "-" and _begins_line(document, index):
        return _YAML
    if is_string(token) and _after(document, index) == ":":
        return _NAME_IN_QUOTES
    field = message.fields[-1] if message.fields else None
    return _for_value_before(document, field, index) if field and field.separator < 0 else None


def _for_value_before(document: Document, field: Field, index: int) -> str | None:
    """The previous value may be the name of the next field, or half of a text."""
    value = field.values[-1] if field.values else None
    if not isinstance(value, Scalar) or not (value.is_word or value.is_string):
        return None
    line = _line(document, field.first)
    if document.tokens[index] in (":", "{", "<") and _line(document, value.last) > line:
        missing = f"is the value of {token_text(field.name)} on line {line} missing?"
        return _NAME_IN_QUOTES if value.is_string else missing
    return _QUOTES if value.is_word and value.last == index - 1 else None


def for_colon(document: Document, field: Field, token: str) -> str | None:
    """For a token other than a colon or a brace after a name."""
    if token == "=":
        return "write ':' instead of '='"
    before = field.parent.fields[-1] if field.parent.fields else None
    if not before or before.separator >= 0 or not before.values or before.is_list:
        return None
    value = before.values[-1]
    same_line = _line(document, before.last) == _line(document, field.first)
    if not isinstance(value, Scalar) or value.is_string or not same_line:
        return None
    if field.name[0] in DIGITS:
        return "several values need a list, as in [1, 2]"
    return _QUOTES


def for_value(document: Document, index: int) -> str | None:
    """For a token in place of a value."""
    token = document.tokens[index]
    if _is_foreign_comment(document, index):
        return _COMMENT
    if token == "]":
        return "remove the ',' before ']'"
    return _QUOTES if token in _OF_TEXT else None


def for_sign(document: Document, index: int) -> str | None:
    """For a sign (the token at `index`) without a number."""
    return _YAML if _begins_line(document, index) else None


def for_number(token: str) -> str | None:
    """For a token that begins like a number but is not one."""
    if re.fullmatch("0[0-7]+|0[xX][0-9a-fA-F]+", token):
        return "it has more than 64 bits"
    if re.fullmatch("0[0-9]+", token):
        return "a number that begins with 0 is octal and has only the digits 0 to 7"
    return _QUOTES if re.search("[g-wyzG-WYZ]", token) else None


def for_open_string(token: str) -> str | None:
    """For a string without its closing quote."""
    mark, last = token[0], token.rstrip()[-1]
    if "\\" + mark in token:
        return "a backslash escapes the quote after it; write '\\\\' for a backslash"
    if (is_string(last) or last in CURLY_QUOTES) and last != mark:
        return f"it begins with {mark} and ends with {last}"
    return None


def for_open_message(document: Document, field: Field, message: Message) -> str | None:
    """For a message that is never closed: a field inside it that is not indented."""
    line, column = _place(document, field.first)
    for inner in message.fields:
        inner_line, inner_column = _place(document, inner.first)
        if inner_line > line and inner_column <= column and _begins_line(document, inner.first):
            name = token_text(inner.name)
            return f"is a '}}' missing before {name} on line {inner_line}? It is not indented"
    return None


def for_stray_brace(document: Document, message: Message) -> str | None:
    """For a brace that closes nothing: the message that was closed before it."""
    field = message.fields[-1] if message.fields else None
    if not field or not field.values or not isinstance(field.values[-1], Message):
        return None
    first, last = _line(document, field.first), _line(document, field.last)
    return f"{token_text(field.name)} of line {first} is already closed on line {last}"


def _is_foreign_comment(document: Document, index: int) -> bool:
    return "".join(document.tokens[index : index + 2]) in ("//", "/*")


def _begins_line(document: Document, index: int) -> bool:
    return index == 0 or "\n" in document.tokens[index - 1] or document.tokens[index - 1] == BOM


def _after(document: Document, index: int) -> str | None:
    rest = range(index + 1, len(document.tokens))
    tokens = (document.tokens[after] for after in rest)
    return next((token for token in tokens if not is_space(token) and not is_comment(token)), None)


def _line(document: Document, index: int) -> int:
    return document.source.line(document.offsets[index])


def _place(document: Document, index: int) -> tuple[int, int]:
    """The line and column of a token, in constant time for lines of any length."""
    offset = document.offsets[index]
    line = document.source.line(offset)
    return line, offset - document.source.line_starts[line - 1]
