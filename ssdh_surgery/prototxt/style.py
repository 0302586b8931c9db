"""The style of a file: indent, colons, quotes, braces, separators, one-line messages, newlines.

Inserted text follows the style around it: the habits of its neighbour if it shows any, then those
of the file, then those of Caffe's own files.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

from ssdh_surgery.prototxt.cst import Document, Entry, Field, Message, Scalar
from ssdh_surgery.prototxt.lines import indentation, is_one_line, opens_line
from ssdh_surgery.prototxt.trivia import Part, is_blank_between, items_of


@dataclass(frozen=True)
class Style:
    """The habits of a file; the defaults are those of Caffe's own files."""

    newline: str = "\n"
    indent: str = "  "
    quote: str = '"'
    after_colon: str = " "
    # The text between the name of a message and its brace: in general, and by name.
    head: str = " "
    heads: Mapping[str, str] = field(default_factory=dict)
    braces: str = "{}"
    # The white space inside the braces of a one-line message.
    padding: str = " "
    # The separator after a field on its own line, after the last one of a message, and between
    # fields on one line.
    separator: str = ""
    last_separator: str = ""
    inline_separator: str = ""
    blank_between: bool = False
    # By field name, whether its messages are mostly written on one line.
    one_line: Mapping[str, bool] = field(default_factory=dict)
    # Whether messages without inner messages go on one line, if their name is new to the file.
    one_line_leaves: bool = False

    def is_one_line(self, name: str, is_leaf: bool) -> bool:
        """Whether a message of this name goes on one line."""
        return self.one_line.get(name, is_leaf and self.one_line_leaves)

    def head_of(self, name: str) -> str:
        """The text between the name of a message and its brace."""
        return self.heads.get(name, self.head)


def style_of(document: Document, near: Message | None = None) -> Style:
    """The style for text inserted into `near`, whose own habits take precedence."""
    style = _style_of_file(document)
    if near is None or near.is_root:
        return style
    habits = _habits(document, near, list(near.walk()))
    for names in ("heads", "one_line"):
        habits[names] = {**getattr(style, names), **habits[names]}
    return replace(style, **habits, blank_between=_is_spaced(near.fields))


def neighbour_style(entry: Entry) -> Style:
    """The style for text inserted next to an entry."""
    value, of = entry.value, entry.field
    style = style_of(entry.document, value if isinstance(value, Message) else of.parent)
    if isinstance(value, Message):
        one_line = {**style.one_line, of.name: is_one_line(value)}
        heads = style.heads if of.is_list else {**style.heads, of.name: _head(of, value)}
        style = replace(style, one_line=one_line, heads=heads)
    siblings: Sequence[Part] = items_of(of) if of.is_list else of.parent.fields
    return replace(style, blank_between=_is_spaced(siblings))


@lru_cache(maxsize=8)
def _style_of_file(document: Document) -> Style:
    text = document.text
    return replace(
        Style(),
        newline="\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n",
        blank_between=_is_spaced(document.fields),
        **_habits(document, document.root, list(document.root.walk())),
    )


def _is_spaced(siblings: Sequence[Part]) -> bool:
    """Whether most messages among siblings have a blank line above them."""
    pairs = [(one, other) for one, other in pairwise(siblings) if _is_message(other)]
    return 2 * sum(is_blank_between(one, other) for one, other in pairs) > len(pairs)


def _is_message(part: Part) -> bool:
    values = part.values[:1] if isinstance(part, Field) else [part.value]
    return any(isinstance(value, Message) for value in values)


def _habits(document: Document, top: Message, fields: list[Field]) -> dict[str, Any]:
    """The habits of a message and of all fields below it, by the names in `Style`."""
    votes = _Votes(document)
    votes.fields_of(top)
    for each in fields:
        for value in each.values:
            if isinstance(value, Message):
                votes.message(each, value)
                votes.fields_of(value)
            else:
                votes.scalar(each, value)
    return votes.habits()


class _Votes:
    """The votes of all fields of a text on each habit."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.tallies: dict[str, Counter[Any]] = defaultdict(Counter)
        self.tallies_by_name: dict[str, dict[str, Counter[Any]]] = {
            "heads": defaultdict(Counter),
            "one_line": defaultdict(Counter),
        }

    def vote(self, habit: str, value: object) -> None:
        self.tallies[habit][value] += 1

    def vote_name(self, habit: str, name: str, value: object) -> None:
        self.tallies_by_name[habit][name][value] += 1

    def habits(self) -> dict[str, Any]:
        """The winner for each habit that has votes."""
        winners: dict[str, Any] = {habit: _most(votes) for habit, votes in self.tallies.items()}
        for habit, names in self.tallies_by_name.items():
            winners[habit] = {name: _most(votes) for name, votes in names.items()}
        return winners

    def scalar(self, of: Field, value: Scalar) -> None:
        tokens = self.document.tokens
        if value.is_string:
            self.vote("quote", tokens[value.first][0])
        if of.colon >= 0 and not of.is_list:
            self.vote("after_colon", _blanks(tokens[of.colon + 1]))

    def message(self, of: Field, message: Message) -> None:
        document = self.document
        self.vote("braces", "<>" if document.tokens[message.first] == "<" else "{}")
        if not of.is_list:
            head = _head(of, message)
            self.vote("head", head)
            self.vote_name("heads", of.name, head)
        if not message.fields:
            return
        one_line = is_one_line(message)
        self.vote_name("one_line", of.name, one_line)
        if not any(_is_message(inner) for inner in message.fields):
            self.vote("one_line_leaves", one_line)
        if one_line:
            self.vote("padding", _blanks(document.tokens[message.first + 1]))
        elif opens_line(document, message.fields[0].first):
            margin = indentation(document, document.offsets[message.first])
            inner = indentation(document, message.fields[0].start)
            if inner.startswith(margin) and inner != margin:
                self.vote("indent", inner.removeprefix(margin))

    def fields_of(self, message: Message) -> None:
        """Vote on the separators of the fields of a message."""
        one_line = is_one_line(message)
        for inner in message.fields[:-1]:
            habit = "inline_separator" if one_line else "separator"
            self.vote(habit, self._separator(inner))
        if message.fields and not one_line:
            self.vote("last_separator", self._separator(message.fields[-1]))

    def _separator(self, of: Field) -> str:
        return self.document.tokens[of.separator] if of.separator >= 0 else ""


def _most(votes: Counter[Any]) -> Any:
    return votes.most_common(1)[0][0]


def _blanks(token: str) -> str:
    """A token that is white space within a line, otherwise an empty text."""
    return token if not token.strip(" \t") else ""


def _head(of: Field, message: Message) -> str:
    """The text between name and brace, with a line break as a plain newline."""
    between: Iterable[str] = of.document.tokens[of.first + 1 : message.first]
    return "".join(
        "\n" if "\n" in token else ":" if token == ":" else _blanks(token) for token in between
    )
