"""A change: edits of the text, and a promise of what they do to its meaning.

The promise is made from a verb's arguments, never from the edits or the new text, so that
the two can be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from ssdh_surgery.prototxt import insertion
from ssdh_surgery.prototxt.cst import Document, Entry, Message
from ssdh_surgery.prototxt.edits import Edit, merge_deletions, sort_edits
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.surgery.core.promise import Promise
from ssdh_surgery.surgery.core.step import Insert, Path, PromiseStep


@dataclass(frozen=True)
class Change:
    """Edits and their promise; falsy if there is nothing to do."""

    edits: tuple[Edit, ...] = ()
    promise: Promise = field(default_factory=Promise)

    @classmethod
    def of(cls, edits: Iterable[Edit], steps: Iterable[PromiseStep]) -> Change:
        """A change of edits in any order."""
        return cls(sort_edits(edits), Promise(tuple(steps)))

    def __bool__(self) -> bool:
        return bool(self.edits)


def merge(changes: Iterable[Change]) -> Change:
    """Several changes of one text as one; text that two of them delete is deleted once.

    Raises:
        OverlappingEdits: two of them touch the same text in any other way.
    """
    parts = list(changes)
    if len(parts) == 1:
        return parts[0]
    edits = [edit for change in parts for edit in change.edits]
    deletions = merge_deletions(edit for edit in edits if edit.is_deletion)
    others = [edit for edit in edits if not edit.is_deletion]
    return Change.of(
        [*others, *deletions], (step for change in parts for step in change.promise.steps)
    )


@lru_cache(maxsize=8)
def _message_paths(document: Document) -> dict[int, Path]:
    paths: dict[int, Path] = {id(document.root): ()}
    pending: list[tuple[Message, Path]] = [(document.root, ())]
    while pending:
        message, path = pending.pop()
        counts: dict[str, int] = {}
        for each in message.fields:
            for value in each.values:
                index = counts.get(each.name, 0)
                counts[each.name] = index + 1
                if isinstance(value, Message):
                    inner = (*path, (each.name, index))
                    paths[id(value)] = inner
                    pending.append((value, inner))
    return paths


def path_of_message(message: Message) -> Path:
    """The path of a message from the root of its document."""
    return _message_paths(message.document)[id(message)]


def path_of(entry: Entry) -> Path:
    """The path of a value from the root of its document."""
    parent = entry.field.parent
    name = entry.field.name
    index = parent.entries(name).index(entry)
    return (*path_of_message(parent), (name, index))


def insertions_after(entry: Entry, new: NewFields) -> list[Insert]:
    """The steps that insert new fields after an entry (see `insertion.after`)."""
    return _insertions(entry, new, after=True)


def insertions_before(entry: Entry, new: NewFields) -> list[Insert]:
    """The steps that insert new fields before an entry and its comments."""
    return _insertions(entry, new, after=False)


def _insertions(entry: Entry, new: NewFields, after: bool) -> list[Insert]:
    field, parent = entry.field, entry.field.parent
    place = next(index for index, each in enumerate(parent.fields) if each is field)
    before = [*parent.fields[:place], *([field] if after else [])]
    counts = Counter(name for each in before for name in [each.name] * len(each.values))
    if insertion.joins_list(entry, new):
        # Next to the one item, not next to the whole list.
        counts[field.name] += entry.index + 1 - len(field.values) if after else entry.index
    path = path_of_message(parent)
    return [Insert((*path, (name, counts[name])), value) for name, value in new]


def insertions_inside(message: Message, new: NewFields) -> list[Insert]:
    """The steps that insert new fields at the end of a message."""
    path = path_of_message(message)
    counts = {name: len(message.entries(name)) for name, _ in new}
    return [Insert((*path, (name, counts[name])), value) for name, value in new]
