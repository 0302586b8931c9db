"""A promise: what a change does to the meaning of a text, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.surgery.core.new_values import new_values
from ssdh_surgery.surgery.core.semantics import Tree, tree_of_value
from ssdh_surgery.surgery.core.step import Delete, Insert, Path, PromiseStep, Set, tree_at, value_at


@dataclass(frozen=True)
class Promise:
    """Steps from the old meaning to the new one; every path refers to the old message."""

    steps: tuple[PromiseStep, ...] = ()

    def apply(self, message: Any) -> None:
        """Do to a protobuf message what the edits do to the text.

        Raises:
            SchemaError: a new field or value is not in Caffe's schema.
        """
        values = new_values(self.steps, message.DESCRIPTOR.name)
        for path, name, steps in _group_by_field(self.steps):
            _apply_to_message(value_at(message, path), name, steps, values)

    def apply_tree(self, tree: Tree) -> None:
        """Do to a syntax tree what the edits do to the text.

        Raises:
            LookupError: a path leads nowhere.
        """
        for path, name, steps in _group_by_field(self.steps):
            inner = tree_at(tree, path)
            values = inner.setdefault(name, [])
            _apply_to_list(values, steps, lambda step: tree_of_value(step.value))
            if not values:
                del inner[name]


def _group_by_field(steps: Iterable[PromiseStep]) -> list[tuple[Path, str, list[PromiseStep]]]:
    """Steps by the field they touch, deepest first, so that the old paths stay valid."""
    groups: dict[tuple[Path, str], list[PromiseStep]] = {}
    for step in steps:
        *outer, (name, _) = step.path
        groups.setdefault((tuple(outer), name), []).append(step)
    ordered_groups = sorted(groups.items(), key=lambda item: -len(item[0][0]))
    return [(path, name, steps) for (path, name), steps in ordered_groups]


def _apply_to_list(
    values: Any, steps: Sequence[PromiseStep], new: Callable[[Set | Insert], Any]
) -> None:
    """Apply steps to the values of one field in place, last index first: the others stay valid."""
    count = len(values)
    by_index: dict[int, list[PromiseStep]] = {}
    for step in steps:
        name, index = step.path[-1]
        if not 0 <= index < count + isinstance(step, Insert):
            raise LookupError(f"{name}[{index}] of {count}")
        by_index.setdefault(index, []).append(step)
    for index in sorted(by_index, reverse=True):
        here = by_index[index]
        settings = [step for step in here if isinstance(step, Set)]
        if any(isinstance(step, Delete) for step in here):
            del values[index]
        elif settings:
            del values[index]
            values.insert(index, new(settings[-1]))
        for step in reversed(here):
            if isinstance(step, Insert):
                values.insert(index, new(step))


def _apply_to_message(
    message: Any, name: str, steps: list[PromiseStep], values: dict[int, Any]
) -> None:
    """Apply steps to one field; `values` holds the new value of each step by its `id`."""
    field = schema.field(message.DESCRIPTOR.name, name)
    if schema.is_repeated(field):
        _apply_to_list(getattr(message, name), steps, lambda step: values[id(step)])
        return
    # A single field is treated as a list of at most one value.
    held = [getattr(message, name)] if message.HasField(name) else []
    _apply_to_list(held, steps, lambda step: values[id(step)])
    if not held:
        message.ClearField(name)
    elif field.message_type is None:
        setattr(message, name, held[-1])
    else:
        last = type(held[-1])()
        last.CopyFrom(held[-1])
        getattr(message, name).CopyFrom(last)
