"""Find in a text what a promise speaks of, and what a test marks."""

from __future__ import annotations

from collections.abc import Iterable

from ssdh_surgery.prototxt.cst import Document, Entry, Message, Scalar, Value
from ssdh_surgery.prototxt.tokens import is_comment
from ssdh_surgery.surgery.core.step import Delete, Insert, Path, PromiseStep


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


def inserted(document: Document, steps: Iterable[PromiseStep]) -> list[Entry]:
    """The values in the new text that the insertions of a promise put there."""
    known = list(steps)
    return [
        at_path(document, _new_path(known, step.path, number))
        for number, step in enumerate(known)
        if isinstance(step, Insert)
    ]


def _new_path(steps: list[PromiseStep], path: Path, number: int) -> Path:
    """Where the value of the step of that number is once all steps were taken."""
    new = []
    for depth, (name, index) in enumerate(path):
        is_last = depth == len(path) - 1
        shift = 0
        for other_number, other in enumerate(steps):
            *outer, (other_name, place) = other.path
            if tuple(outer) != path[:depth] or other_name != name:
                continue
            if isinstance(other, Delete):
                shift -= place < index
            elif isinstance(other, Insert):
                # At one place, what was inserted first comes first, and before what was there.
                before = other_number < number if is_last else True
                shift += place < index or (place == index and before)
        new.append((name, index + shift))
    return tuple(new)


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
