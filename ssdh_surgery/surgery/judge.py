"""How protobuf itself reads a document: the judge of every change.

A few tokens that Caffe's C++ parser takes and Python's does not are put in another form
for the judge alone, on both sides of the comparison.
"""

from __future__ import annotations

from typing import Any

from ssdh_surgery.caffe import schema
from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.tokens import QUOTES, is_comment, is_space

MESSAGE_OF = {
    Kind.TRAIN: "NetParameter",
    Kind.DEPLOY: "NetParameter",
    Kind.SOLVER: "SolverParameter",
}


def judged(document: Document, message_name: str) -> Any:
    """The message that protobuf reads, strictly.

    Raises:
        SchemaError: protobuf refuses the text; its place is one in the text as it stands
            (a byte order mark and `- 1` move it by a column at most).
    """
    return schema.parse_text(judge_text(document), message_name, file=document.source.file)


def judge_text(document: Document) -> str:
    """The text as Python's protobuf can read it; line breaks stay where they are."""
    tokens = document.tokens
    words = []
    for index, token in enumerate(tokens):
        if token == "\ufeff" or (token[0] == "#" and not token.isprintable()):
            continue
        if token[0] in QUOTES:
            words.append(_readable_string(token))
        elif _parts_sign(tokens, index):
            # What stands between a sign and its number goes before the sign; no comment may.
            words.insert(len(words) - 1, "" if is_comment(token) else token)
        elif token[0].isdigit() and token.endswith("F") and literals.integer(token) is None:
            words.append(token[:-1] + "f")
        else:
            words.append(token)
    return "".join(words)


def _parts_sign(tokens: list[str], index: int) -> bool:
    """Whether white space or a comment stands between a sign and its number."""
    if not (is_comment(tokens[index]) or is_space(tokens[index])):
        return False
    while index and (is_comment(tokens[index]) or is_space(tokens[index])):
        index -= 1
    return tokens[index] == "-"


def _readable_string(token: str) -> str:
    """A string with bytes that are not UTF-8 mapped to characters of their own."""
    data = literals.unescape(token[1:-1])
    if data is None:
        return token
    text = data.decode("utf-8", "surrogateescape")
    foreign = any("\udc80" <= char <= "\udcff" for char in text)
    if not foreign and token.isascii():
        return token
    # Private characters stand for the bytes, so that two texts still compare as they should.
    return literals.quote(
        "".join(
            chr(ord(char) - 0xDC80 + 0xF780) if "\udc80" <= char <= "\udcff" else char
            for char in text
        )
    )
