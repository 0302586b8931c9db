"""The judge of every change: how protobuf itself reads a document.

A few tokens that Caffe's C++ parser accepts and Python's does not are rewritten for the judge
alone, on both sides of the comparison.
"""

from __future__ import annotations

import re
from typing import Any

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Document, Scalar
from ssdh_surgery.prototxt.source import BOM
from ssdh_surgery.prototxt.tokens import is_comment, is_space

# A text without these has no byte order mark, and no comment that protobuf cannot read.
_UNUSUAL = re.compile(r"[^\t\r\n -~]")
MESSAGE_OF = {
    Kind.TRAIN: "NetParameter",
    Kind.DEPLOY: "NetParameter",
    Kind.SOLVER: "SolverParameter",
    Kind.WEIGHTS: "NetParameter",
}


def protobuf_message(document: Document, message_name: str, *, allow_unknown: bool = False) -> Any:
    """The message that protobuf reads in a document; unknown fields are errors, or left out.

    Raises:
        SchemaError: protobuf refuses the text. The location is that in the original text,
            give or take a column after a byte order mark or `- 1`.
    """
    return schema.parse_text(
        judge_text(document),
        message_name,
        allow_unknown=allow_unknown,
        file=document.source.file,
    )


def judge_text(document: Document) -> str:
    """The text in a form that Python's protobuf can read, with the same line breaks."""
    tokens = list(document.tokens)
    if _UNUSUAL.search(document.text):
        tokens = [*map(_plain_token, tokens)]
    for field in document.root.walk():
        if field.is_list and field.colon < 0:
            tokens[field.open] = ":["
        for value in field.values:
            if isinstance(value, Scalar) and (word := _python_word(value)):
                _put_word(tokens, value, word)
    return "".join(tokens)


def _plain_token(token: str) -> str:
    """A token, empty if it is a byte order mark or a comment with unprintable characters."""
    return "" if token == BOM or (is_comment(token) and not token.isprintable()) else token


def _put_word(tokens: list[str], value: Scalar, word: str) -> None:
    """Put one token in the place of a value's; white space and comments within it follow."""
    for index in range(value.first, value.last + 1):
        token = value.document.tokens[index]
        if not is_comment(token) and not is_space(token):
            tokens[index] = ""
    tokens[value.first] = word


def _python_word(value: Scalar) -> str | None:
    """A value in a form that Python reads, or None if it reads the value as it is."""
    if not value.is_string:
        text = value.text
        is_number = text.lstrip("+-.")[:1].isdigit()
        if is_number and text.endswith("F") and literals.integer(text) is None:
            return text[:-1] + "f"
        return text if value.first != value.last else None
    tokens = value.document.tokens[value.first : value.last + 1]
    if all(token.isascii() and "\\" not in token for token in tokens):
        return None
    text = value.data.decode("utf-8", "surrogateescape")
    return literals.quote("".join(map(_character, text)))


def _character(char: str) -> str:
    """A byte that is not UTF-8 as a private-use character, so that two texts still compare."""
    return chr(ord(char) - 0xDC80 + 0xF780) if "\udc80" <= char <= "\udcff" else char
