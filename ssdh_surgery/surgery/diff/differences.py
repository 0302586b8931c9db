"""The semantic difference of two nets or two solvers, regardless of their layout.

Layers are matched by name, renamed layers by their content, other repeated fields by index.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import SchemaError
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Document, Entry, Message, Scalar
from ssdh_surgery.surgery.diff.matching import labels, match_layers

_NET = "NetParameter"
_LAYER_FIELDS = ("layer", "layers")
_NUMBER = (int, float)


@dataclass(frozen=True)
class Difference:
    """One difference; values are native to JSON, and None if the field is absent.

    `line` is its line in the new document, or in the old one if the field is gone.
    """

    path: str
    before: Any
    after: Any
    line: int


def differences(old: Document, new: Document, message_name: str) -> list[Difference]:
    """The differences between two documents, in the order of the new text."""
    return list(_of_messages(old.root, new.root, message_name, ""))


def _of_messages(old: Message, new: Message, kind: str | None, path: str) -> Iterator[Difference]:
    for name in _names_in_order(old, new):
        before, after = old.entries(name), new.entries(name)
        if name in _LAYER_FIELDS and kind == _NET:
            yield from _of_layers(before, after, name, path)
            continue
        indexed = _is_repeated(kind, name) or max(len(before), len(after)) > 1
        for index in range(max(len(before), len(after))):
            here = f"{path}.{name}" if path else name
            yield from _of_values(
                before[index] if index < len(before) else None,
                after[index] if index < len(after) else None,
                kind,
                f"{here}[{index}]" if indexed else here,
            )


def _names_in_order(old: Message, new: Message) -> list[str]:
    """The field names of both, in the new order, with removed ones in their old places."""
    names = list(dict.fromkeys(field.name for field in new.fields))
    before = list(dict.fromkeys(field.name for field in old.fields))
    for index, name in enumerate(before):
        if name not in names:
            names.insert(names.index(before[index - 1]) + 1 if index else 0, name)
    return names


def _of_values(
    old: Entry | None, new: Entry | None, kind: str | None, path: str
) -> Iterator[Difference]:
    entry = new or old
    assert entry is not None
    if old and new and isinstance(old.value, Message) and isinstance(new.value, Message):
        yield from _of_messages(old.value, new.value, _inner_kind(kind, entry.field.name), path)
        return
    before, after = _native(old, kind), _native(new, kind)
    if not _is_same(before, after, _type(kind, entry.field.name)):
        yield Difference(path, before, after, entry.line)


def _is_same(before: Any, after: Any, type_name: str | None) -> bool:
    """Whether two values are equal for Caffe, whose floats have 32 bits."""
    if type(before) is bool or type(after) is bool:
        return type(before) is type(after) and before == after
    if before == after:
        return True
    is_float = type_name == "float" and isinstance(before, _NUMBER) and isinstance(after, _NUMBER)
    return is_float and _float32(before) == _float32(after)


def _float32(value: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return inf if value > 0 else -inf


def _native(entry: Entry | None, kind: str | None) -> Any:
    """A value native to JSON, typed by the schema if it has the field."""
    if entry is None:
        return None
    if isinstance(entry.value, Scalar):
        return native_scalar(entry.value, _type(kind, entry.field.name))
    return native_message(entry.value, _inner_kind(kind, entry.field.name))


def native_message(message: Message, kind: str | None) -> dict[str, Any]:
    """A message as a JSON object, with lists for repeated fields."""
    result: dict[str, Any] = {}
    for name in dict.fromkeys(field.name for field in message.fields):
        values = [_native(entry, kind) for entry in message.entries(name)]
        single = len(values) == 1 and not _is_repeated(kind, name)
        result[name] = values[0] if single else values
    return result


def native_scalar(value: Scalar, type_name: str | None) -> Any:
    """A scalar native to JSON; `type_name` is its type in the schema, or None if it has none."""
    if value.is_string:
        return value.string
    text = value.text
    if type_name == "bool":
        return literals.boolean(text) is True
    if (type_name is not None and "." in type_name) or type_name == "Phase":
        return _enum_name(str(type_name), text)
    number = literals.integer(text)
    if number is not None:
        return number
    real = literals.real(text)
    if real is None or real != real or real in (float("inf"), float("-inf")):
        return {"true": True, "false": False}.get(text, text)
    return int(real) if real == int(real) and abs(real) < 1e15 else real


def _enum_name(type_name: str, text: str) -> str:
    number = literals.integer(text)
    if number is None:
        return text
    values = schema.enum_values(type_name)
    return next((name for name, value in values.items() if value == number), text)


def _field(kind: str | None, name: str) -> Any:
    if kind is None:
        return None
    try:
        return schema.field(kind, name)
    except SchemaError:
        return None


def _is_repeated(kind: str | None, name: str) -> bool:
    field = _field(kind, name)
    return field is not None and schema.is_repeated(field)


def _type(kind: str | None, name: str) -> str | None:
    field = _field(kind, name)
    return schema.field_type(field) if field is not None else None


def _inner_kind(kind: str | None, name: str) -> str | None:
    field = _field(kind, name)
    if field is None or field.message_type is None:
        return None
    return schema.field_type(field)


# ---------------------------------------------------------------- layers


def _of_layers(old: list[Entry], new: list[Entry], name: str, path: str) -> Iterator[Difference]:
    pairs = match_layers(old, new)
    moved = _moved_layers([pairs[index] for index in range(len(new)) if index in pairs])
    label = f"{path}.{name}" if path else name
    old_labels, new_labels = labels(old, label), labels(new, label)
    kept = set(pairs.values())
    removed = [index for index in range(len(old)) if index not in kept]
    for index, entry in enumerate(new):
        match = pairs.get(index)
        if match is None:
            yield Difference(new_labels[index], None, _native(entry, _NET), entry.line)
            continue
        while removed and removed[0] < match:
            yield _removal(old, old_labels, removed.pop(0))
        here = old_labels[match]
        if match in moved:
            yield Difference(here, {"index": match}, {"index": index}, entry.line)
        yield from _of_values(old[match], entry, _NET, here)
    for index in removed:
        yield _removal(old, old_labels, index)


def _removal(old: list[Entry], labels: list[str], index: int) -> Difference:
    return Difference(labels[index], _native(old[index], _NET), None, old[index].line)


def _moved_layers(order: list[int]) -> set[int]:
    """The old indices of layers outside the longest sequence that kept its order."""
    tails: list[int] = []
    places: list[int] = []
    previous: list[int | None] = []
    for at, value in enumerate(order):
        slot = bisect_left(tails, value)
        previous.append(places[slot - 1] if slot else None)
        tails[slot : slot + 1] = [value]
        places[slot : slot + 1] = [at]
    kept = set()
    at_or_none = places[-1] if places else None
    while at_or_none is not None:
        kept.add(order[at_or_none])
        at_or_none = previous[at_or_none]
    return set(order) - kept
