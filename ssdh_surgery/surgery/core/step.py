"""Paths into a message, where they lead, and the steps of a promise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.surgery.core.semantics import Tree

# From the root: field names, each with the index among the values of that name.
Path = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Set:
    """Replace the value at a path."""

    path: Path
    value: object


@dataclass(frozen=True)
class Delete:
    """Remove the value at a path."""

    path: Path


@dataclass(frozen=True)
class Insert:
    """Insert a value before the one at a path, or at the end."""

    path: Path
    value: object


PromiseStep = Set | Delete | Insert


def tree_at(tree: Tree, path: Path) -> Tree:
    """The message at a path of a syntax tree.

    Raises:
        LookupError: the path does not lead to a message.
    """
    for name, index in path:
        values = tree.get(name, [])
        if not 0 <= index < len(values) or not isinstance(values[index], dict):
            raise LookupError(f"no message {name}[{index}]")
        tree = values[index]
    return tree


def value_at(message: Any, path: Path) -> Any:
    """The value at a path of a protobuf message; the index of a single field is ignored."""
    for name, index in path:
        field = message.DESCRIPTOR.fields_by_name[name]
        message = getattr(message, name)
        if schema.is_repeated(field):
            message = message[index]
    return message
