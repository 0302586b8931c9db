"""Find in a text what a promise speaks of, and what a test marks."""

from __future__ import annotations

from collections.abc import Iterable

from ssdh_surgery.prototxt.cst import Document, Entry, Message, Scalar, Value
from ssdh_surgery.prototxt.tokens import is_comment
from ssdh_surgery.surgery.change import Insert, Path, Step


def entries(document: Document) -> list[Entry]:
    """Every value of a document, however deep."""
    return [entry for field in document.root.walk() for entry in field.entries]


def marked(document: Document, word: str) -> list[Entry]:
    """The fields of that name, the values that are it, and messages that begin with it."""
    return [entry for entry in entries(document) if word in (entry.field.name, _mark(entry.value))]


def _mark(value: Value) -> str:
    if isinstance(value, Scalar):
        return value.string
    first = value.fields[0].values[0] if value.fields and value.fields[0].values else None
    return first.string if isinstance(first, Scalar) else ""


def at_path(document: Document, path: Path) -> Entry:
    """The value at a path."""
    message = document.root
    *outer, (name, index) = path
    for inner, place in outer:
        value = message.entries(inner)[place].value
        assert isinstance(value, Message)
        message = value
    return message.entries(name)[index]


def inserted(document: Document, steps: Iterable[Step]) -> list[Entry]:
    """The values in the new text that the insertions of a promise put there."""
    inserts = [step for step in steps if isinstance(step, Insert)]
    found = []
    for step in inserts:
        *outer, (name, index) = step.path
        before = [other for other in inserts if other.path[:-1] == step.path[:-1]]
        before = [other for other in before if other.path[-1][0] == name]
        order = sorted(before, key=lambda other: other.path[-1][1])
        place = next(number for number, other in enumerate(order) if other is step)
        found.append(at_path(document, (*outer, (name, index + place))))
    return found


def comments(document: Document) -> list[str]:
    """The comments of a document."""
    return [token for token in document.tokens if is_comment(token)]


def keeps_comments(before: Document, after: Document) -> bool:
    """Whether the comments of a text stand in another one, whole and in their order."""
    at = 0
    for comment in comments(before):
        found = after.text.find(comment, at)
        if found < 0:
            return False
        at = found + len(comment)
    return True
