"""How protobuf itself reads a document: the judge of every change.

A few tokens that Caffe's C++ parser takes and Python's does not are put in another form
for the judge alone, on both sides of the comparison.
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
_ODD = re.compile(r"[^\t\r\n -~]")
MESSAGE_OF = {
    Kind.TRAIN: "NetParameter",
    Kind.DEPLOY: "NetParameter",
    Kind.SOLVER: "SolverParameter",
    Kind.WEIGHTS: "NetParameter",
}


def protobuf_message(document: Document, message_name: str) -> Any:
    """The message that protobuf reads, strictly.

    Raises:
        SchemaError: protobuf refuses the text; its place is one in the text as it stands
            (a byte order mark and `- 1` move it by a column at most).
    """
    return schema.parse_text(judge_text(document), message_name, file=document.source.file)


def judge_text(document: Document) -> str:
    """The text as Python's protobuf can read it; line breaks stay where they are."""
    tokens = list(document.tokens)
    if _ODD.search(document.text):
        tokens = [*map(_harmless, tokens)]
    for field in document.root.walk():
        if field.is_list and field.colon < 0:
            tokens[field.open] = ":["
        for value in field.values:
            if isinstance(value, Scalar) and (word := _reworded(value)):
                _put_word(tokens, value, word)
    return "".join(tokens)


def _harmless(token: str) -> str:
    """A token without the byte order mark, and without comments that hold no plain text."""
    return "" if token == BOM or (is_comment(token) and not token.isprintable()) else token


def _put_word(tokens: list[str], value: Scalar, word: str) -> None:
    """One token in the place of a value's; white space and comments within it follow."""
    for index in range(value.first, value.last + 1):
        token = value.document.tokens[index]
        if not is_comment(token) and not is_space(token):
            tokens[index] = ""
    tokens[value.first] = word


def _reworded(value: Scalar) -> str | None:
    """A value in words that Python reads, None where it reads them as they stand."""
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
    """A byte that is not UTF-8 as a private character: so that two texts still compare."""
    return chr(ord(char) - 0xDC80 + 0xF780) if "\udc80" <= char <= "\udcff" else char
