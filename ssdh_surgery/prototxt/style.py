"""How a file is written: indent, colons, quotes, one-line messages, newlines.

What is inserted takes the style of what stands around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from ssdh_surgery.prototxt.cst import Document, Field, Message, Scalar
from ssdh_surgery.prototxt.trivia import begins_line, indentation, is_blank_between, is_one_line


@dataclass(frozen=True)
class Style:
    """The habits of a file; the defaults are those of Caffe's own files."""

    newline: str = "\n"
    indent: str = "  "
    quote: str = '"'
    after_colon: str = " "
    before_brace: str = " "
    colon_before_brace: bool = False
    braces: str = "{}"
    separator: str = ""
    blank_between: bool = False
    # Field names whose messages are mostly written on one line, and those that are not.
    one_line: dict[str, bool] = field(default_factory=dict)
    # Whether small messages whose name is new to the file go on one line.
    one_line_leaves: bool = False

    def is_one_line(self, name: str, is_leaf: bool) -> bool:
        """Whether a message of that name goes on one line."""
        return self.one_line.get(name, is_leaf and self.one_line_leaves)


def style_of(document: Document, near: Message | None = None) -> Style:
    """The style of a document, where `near` and what is in it count most.

    `near` is the message whose neighbour or content is about to be written.
    """
    fields = list(document.root.walk())
    messages = [(f, value) for f in fields for value in f.values if isinstance(value, Message)]
    close = list(near.walk()) if near else []
    nested = [(f, value) for f in close for value in f.values if isinstance(value, Message)]
    votes = _Votes(document)
    leaves = [is_one_line(m) for _, m in messages if not _has_messages(m) and m.fields]
    top = near is not None and near.depth == 1
    siblings = document.root.fields if top or near is None else near.fields
    return Style(
        newline=_newline(document.text),
        indent=votes.indent(nested) or votes.indent(messages) or "  ",
        quote=votes.quote(close) or votes.quote(fields) or '"',
        after_colon=_most(votes.after_colon(fields), " "),
        before_brace=_most(votes.before_brace(messages), " "),
        colon_before_brace=_most((f.colon >= 0 for f, _ in nested or messages), False),
        braces="<>" if _most((votes.token(m.first) == "<" for _, m in messages), False) else "{}",
        separator=_most((votes.token(f.separator) for f in close or fields), ""),
        blank_between=_most((is_blank_between(a, b) for a, b in pairwise(siblings)), False),
        one_line=_one_line(messages),
        one_line_leaves=_most(leaves, False),
    )


_T = TypeVar("_T")


def _most(votes: Iterable[_T], default: _T) -> _T:
    counted = Counter(votes).most_common(1)
    return counted[0][0] if counted else default


def _newline(text: str) -> str:
    return "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"


def _has_messages(message: Message) -> bool:
    return any(isinstance(value, Message) for f in message.fields for value in f.values)


def _one_line(messages: list[tuple[Field, Message]]) -> dict[str, bool]:
    votes: dict[str, Counter[bool]] = {}
    for f, message in messages:
        if message.fields:
            votes.setdefault(f.name, Counter())[is_one_line(message)] += 1
    return {name: counted.most_common(1)[0][0] for name, counted in votes.items()}


class _Votes:
    """What the tokens of a document say about one habit each."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def token(self, index: int) -> str:
        return self.document.tokens[index] if index >= 0 else ""

    def _spaces(self, index: int) -> str:
        token = self.token(index)
        return token if token and not token.strip(" \t") else ""

    def after_colon(self, fields: list[Field]) -> Iterable[str]:
        for f in fields:
            if f.colon >= 0 and f.values and isinstance(f.values[0], Scalar):
                yield self._spaces(f.colon + 1)

    def before_brace(self, messages: list[tuple[Field, Message]]) -> Iterable[str]:
        return (self._spaces(message.first - 1) for _, message in messages)

    def quote(self, fields: list[Field]) -> str:
        strings = (
            self.token(value.first)[0]
            for f in fields
            for value in f.values
            if isinstance(value, Scalar) and value.is_string
        )
        return _most(strings, "")

    def indent(self, messages: list[tuple[Field, Message]]) -> str:
        return _most(filter(None, map(self._step, messages)), "")

    def _step(self, pair: tuple[Field, Message]) -> str:
        """How much deeper the first field of a message stands than the message."""
        outer, message = pair
        if not message.fields or not begins_line(self.document.text, message.fields[0].start):
            return ""
        margin = indentation(self.document.text, outer.start)
        inner = indentation(self.document.text, message.fields[0].start)
        return inner.removeprefix(margin) if inner.startswith(margin) else ""
