"""A change: edits of the text, and the promise of what they do to its meaning.

The promise is made from a verb's arguments, never from the edits or the new text, so that
the two can be held against each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import ParseError, SchemaError
from ssdh_surgery.prototxt import insertion, render
from ssdh_surgery.prototxt.cst import Document, Entry, Message
from ssdh_surgery.prototxt.edits import Edit, ordered, union
from ssdh_surgery.prototxt.parser import parse_source
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.prototxt.source import Source
from ssdh_surgery.prototxt.style import Style
from ssdh_surgery.surgery.core.judge import judged
from ssdh_surgery.surgery.core.semantics import Tree, tree_of_new

# From the root: names of fields, each with the index among the values of that name.
Path = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Set:
    """The value at a path becomes another one."""

    path: Path
    value: object


@dataclass(frozen=True)
class Delete:
    """The value at a path goes."""

    path: Path


@dataclass(frozen=True)
class Insert:
    """A new value stands before the value that was at a path, or at the end."""

    path: Path
    value: object


Step = Set | Delete | Insert


@dataclass(frozen=True)
class Promise:
    """Steps from the old meaning to the new one; every path speaks of the old message."""

    steps: tuple[Step, ...] = ()

    def apply(self, message: Any) -> None:
        """Do to a protobuf message what the edits do to the text.

        Raises:
            SchemaError: a new field or value is not in Caffe's schema.
        """
        for path, name, steps in _grouped(self.steps):
            _apply_to_message(_descend(message, path), name, steps)

    def apply_tree(self, tree: Tree) -> None:
        """Do to a syntax tree what the edits do to the text.

        Raises:
            LookupError: a path leads to nothing.
        """
        for path, name, steps in _grouped(self.steps):
            inner = tree
            for outer, index in path:
                inner = inner[outer][index]
            values = inner.setdefault(name, [])
            values[:] = _stepped(values, steps, tree_of_new)
            if not values:
                del inner[name]


def _grouped(steps: Iterable[Step]) -> list[tuple[Path, str, list[Step]]]:
    """Steps by the field that they touch, the deepest first: so old paths stay true."""
    groups: dict[tuple[Path, str], list[Step]] = {}
    for step in steps:
        *outer, (name, _) = step.path
        groups.setdefault((tuple(outer), name), []).append(step)
    ordered_groups = sorted(groups.items(), key=lambda item: -len(item[0][0]))
    return [(path, name, found) for (path, name), found in ordered_groups]


def _stepped(
    values: Sequence[Any], steps: Sequence[Step], made: Callable[[object], Any]
) -> list[Any]:
    """The values of one field after the steps that touch it."""
    result: list[Any] = []
    for step in steps:
        name, index = step.path[-1]
        if not 0 <= index < len(values) + isinstance(step, Insert):
            raise LookupError(f"{name}[{index}] of {len(values)}")
    for index in range(len(values) + 1):
        here = [step for step in steps if step.path[-1][1] == index]
        result += [made(step.value) for step in here if isinstance(step, Insert)]
        if index == len(values) or any(isinstance(step, Delete) for step in here):
            continue
        new = [step for step in here if isinstance(step, Set)]
        result.append(made(new[-1].value) if new else values[index])
    return result


def _descend(message: Any, path: Path) -> Any:
    for name, index in path:
        known = message.DESCRIPTOR.fields_by_name[name]
        message = getattr(message, name)
        if schema.is_repeated(known):
            message = message[index]
    return message


def _apply_to_message(message: Any, name: str, steps: list[Step]) -> None:
    kind = message.DESCRIPTOR.name
    kept = _stepped(_held(message, name), steps, lambda value: strict_message(kind, name, value))
    message.ClearField(name)
    for holder in kept:
        message.MergeFrom(holder)


def _held(message: Any, name: str) -> list[Any]:
    """The values of a field, each held by a message that has nothing else.

    So that they outlive the clearing of the field.
    """
    known = schema.field(message.DESCRIPTOR.name, name)
    repeated = schema.is_repeated(known)
    held = []
    for value in getattr(message, name) if repeated else [getattr(message, name)]:
        holder = type(message)()
        if repeated:
            getattr(holder, name).extend([value])
        elif message.HasField(name) and known.message_type is not None:
            getattr(holder, name).CopyFrom(value)
            getattr(holder, name).SetInParent()
        elif message.HasField(name):
            setattr(holder, name, value)
        else:
            continue
        held.append(holder)
    return held


def strict_message(kind: str, name: str, value: object) -> Any:
    """A message with just one field, read by protobuf, unknown fields not allowed.

    Raises:
        SchemaError: the field or the value is not in Caffe's schema.
    """
    text = "\n".join(render.field_lines(name, value, Style()))
    try:
        document = parse_source(Source(text, "<new text>"))
    except ParseError as error:
        raise SchemaError(error.message, location=error.location, hint=error.hint) from error
    if len(document.fields) != 1:
        raise SchemaError(f"'{value}' is more than one value of '{name}'")
    return judged(document, kind)


@dataclass(frozen=True)
class Change:
    """Edits and their promise; `bool(change)` is whether there is anything to do."""

    edits: tuple[Edit, ...] = ()
    promise: Promise = field(default_factory=Promise)

    @classmethod
    def of(cls, edits: Iterable[Edit], steps: Iterable[Step]) -> Change:
        """A change from edits in any order."""
        return cls(ordered(edits), Promise(tuple(steps)))

    def __bool__(self) -> bool:
        return bool(self.edits)


def merged(changes: Iterable[Change]) -> Change:
    """Changes of one text as one; what two of them take away goes once.

    Raises:
        OverlappingEdits: two of them touch the same text otherwise.
    """
    found = list(changes)
    edits = [edit for change in found for edit in change.edits]
    deletions = union(edit for edit in edits if edit.is_deletion)
    others = [edit for edit in edits if not edit.is_deletion]
    return Change.of(
        [*others, *deletions], (step for change in found for step in change.promise.steps)
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


def inserted_after(entry: Entry, new: NewFields) -> list[Insert]:
    """The steps of new fields that are put after an entry (see `insertion.after`)."""
    return _inserted(entry, new, after=True)


def inserted_before(entry: Entry, new: NewFields) -> list[Insert]:
    """The steps of new fields that are put before an entry and its comments."""
    return _inserted(entry, new, after=False)


def _inserted(entry: Entry, new: NewFields, after: bool) -> list[Insert]:
    field, parent = entry.field, entry.field.parent
    place = next(index for index, each in enumerate(parent.fields) if each is field)
    before = [*parent.fields[:place], *([field] if after else [])]
    counts = Counter(name for each in before for name in [each.name] * len(each.values))
    if insertion.joins_list(entry, new):
        # Beside the one item, not beside the whole list.
        counts[field.name] += entry.index + 1 - len(field.values) if after else entry.index
    path = path_of_message(parent)
    return [Insert((*path, (name, counts[name])), value) for name, value in new]


def inserted_inside(message: Message, new: NewFields) -> list[Insert]:
    """The steps of new fields that are put at the end of a message."""
    path = path_of_message(message)
    counts = {name: len(message.entries(name)) for name, _ in new}
    return [Insert((*path, (name, counts[name])), value) for name, value in new]
