"""The semantic difference of two nets or two solvers: what changed, whatever the layout.

Layers are matched by name, renamed ones by what they hold; other repeated fields by index.
"""

from __future__ import annotations

import difflib
import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import Any

from ssdh_surgery.caffe import schema
from ssdh_surgery.errors import SchemaError
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Document, Entry, Message, Scalar

_LAYER_FIELDS = ("layer", "layers")
_NUMBER = (int, float)
_TRUE = frozenset(["true", "True", "t", "1"])


@dataclass(frozen=True)
class Difference:
    """One change; values are JSON natives, `None` where a thing is absent.

    `line` is its line in the new document, or in the old one where the thing is gone.
    """

    path: str
    before: Any
    after: Any
    line: int


def differences(old: Document, new: Document, message_name: str) -> list[Difference]:
    """What changed from one document to another, in the order of the new text."""
    return list(_of_messages(old.root, new.root, message_name, ""))


def _of_messages(old: Message, new: Message, kind: str | None, path: str) -> Iterator[Difference]:
    for name in _names_in_order(old, new):
        before, after = old.entries(name), new.entries(name)
        if name in _LAYER_FIELDS and kind == "NetParameter":
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
    """The fields of both, in the new order; one that is gone stands where it stood."""
    names = list(dict.fromkeys(field.name for field in new.fields))
    before = list(dict.fromkeys(field.name for field in old.fields))
    for index, name in enumerate(before):
        if name not in names:
            names.insert(names.index(before[index - 1]) + 1 if index else 0, name)
    return names


def _of_values(
    old: Entry | None, new: Entry | None, kind: str | None, path: str
) -> Iterator[Difference]:
    known = new or old
    assert known is not None
    if old and new and isinstance(old.value, Message) and isinstance(new.value, Message):
        yield from _of_messages(old.value, new.value, _inner_kind(kind, known.field.name), path)
        return
    before, after = _native(old, kind), _native(new, kind)
    if not _is_same(before, after, _type(kind, known.field.name)):
        yield Difference(path, before, after, known.line)


def _is_same(before: Any, after: Any, type_name: str | None) -> bool:
    """Whether two values are one to Caffe: its floats have 32 bits."""
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
    """A value as JSON has it, typed by the schema where that knows the field."""
    if entry is None:
        return None
    if isinstance(entry.value, Scalar):
        return native_scalar(entry.value, _type(kind, entry.field.name))
    return native_message(entry.value, _inner_kind(kind, entry.field.name))


def native_message(message: Message, kind: str | None) -> dict[str, Any]:
    """A message as a JSON object; a repeated field is a list."""
    result: dict[str, Any] = {}
    for name in dict.fromkeys(field.name for field in message.fields):
        values = [_native(entry, kind) for entry in message.entries(name)]
        single = len(values) == 1 and not _is_repeated(kind, name)
        result[name] = values[0] if single else values
    return result


def native_scalar(value: Scalar, type_name: str | None) -> Any:
    """A scalar as JSON has it; `type_name` is the schema's, None where it does not know."""
    if value.is_string:
        return value.string
    text = value.text
    if type_name == "bool":
        return text in _TRUE
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
    return next((name for name, known in values.items() if known == number), text)


def _field(kind: str | None, name: str) -> Any:
    if kind is None:
        return None
    try:
        return schema.field(kind, name)
    except SchemaError:
        return None


def _is_repeated(kind: str | None, name: str) -> bool:
    known = _field(kind, name)
    return known is not None and schema.is_repeated(known)


def _type(kind: str | None, name: str) -> str | None:
    known = _field(kind, name)
    return schema.field_type(known) if known is not None else None


def _inner_kind(kind: str | None, name: str) -> str | None:
    known = _field(kind, name)
    if known is None or known.message_type is None:
        return None
    return schema.field_type(known)


# ---------------------------------------------------------------- layers


def _of_layers(old: list[Entry], new: list[Entry], name: str, path: str) -> Iterator[Difference]:
    pairs = _matched(old, new)
    moved = _moved([pairs[index] for index in range(len(new)) if index in pairs])
    kind = "LayerParameter" if name == "layer" else "V1LayerParameter"
    label = f"{path}.{name}" if path else name
    old_labels, new_labels = _labels(old, label), _labels(new, label)
    kept = set(pairs.values())
    gone = [index for index in range(len(old)) if index not in kept]
    for index, entry in enumerate(new):
        match = pairs.get(index)
        if match is None:
            yield Difference(new_labels[index], None, _native(entry, _net_kind()), entry.line)
            continue
        while gone and gone[0] < match:
            yield _gone(old, old_labels, gone.pop(0))
        here = old_labels[match]
        if match in moved:
            yield Difference(here, {"index": match}, {"index": index}, entry.line)
        before, after = old[match].value, entry.value
        assert isinstance(before, Message)
        assert isinstance(after, Message)
        yield from _of_messages(before, after, kind, here)
    for index in gone:
        yield _gone(old, old_labels, index)


def _net_kind() -> str:
    return "NetParameter"


def _gone(old: list[Entry], labels: list[str], index: int) -> Difference:
    return Difference(labels[index], _native(old[index], _net_kind()), None, old[index].line)


def _name(entry: Entry) -> str:
    message = entry.value
    if not isinstance(message, Message):
        return ""
    return (message.message("layer") or message).string("name")


def _labels(entries: list[Entry], field: str) -> list[str]:
    """`layer[NAME]`, and `layer[NAME#2]` for the second of a name."""
    counts: dict[str, int] = {}
    labels = []
    for entry in entries:
        name = _name(entry)
        counts[name] = counts.get(name, 0) + 1
        number = f"#{counts[name]}" if counts[name] > 1 else ""
        labels.append(f"{field}[{name}{number}]")
    return labels


def _matched(old: list[Entry], new: list[Entry]) -> dict[int, int]:
    """The old index for each new index that has one: by name, else the most alike of a type."""
    old_labels, new_labels = _labels(old, ""), _labels(new, "")
    places = {label: index for index, label in enumerate(old_labels)}
    pairs = {index: places[label] for index, label in enumerate(new_labels) if label in places}
    kept = set(pairs.values())
    left = [_Known.of(index, entry) for index, entry in enumerate(old) if index not in kept]
    added = [_Known.of(index, entry) for index, entry in enumerate(new) if index not in pairs]
    by_type: dict[str, list[_Known]] = {}
    for one in left:
        by_type.setdefault(one.type, []).append(one)
    scored = [
        (-likeness, one.index, other.index)
        for other in added
        for one in by_type.get(other.type, ())
        if (likeness := _likeness(one, other)) >= 1
    ]
    for _, one_index, other_index in sorted(scored):
        if one_index not in kept and other_index not in pairs:
            pairs[other_index] = one_index
            kept.add(one_index)
    return pairs


@dataclass(frozen=True)
class _Known:
    """What tells one layer from others: its name, its type, and the values in it."""

    index: int
    name: str
    type: str
    leaves: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, index: int, entry: Entry) -> _Known:
        message = entry.value
        assert isinstance(message, Message)
        core = message.message("layer") or message
        return cls(index, _name(entry), core.string("type"), frozenset(_leaves(message, "")))


def _likeness(one: _Known, other: _Known) -> float:
    """How much two layers of a type look like one that was renamed: 1 and more is enough.

    The share of values that they have in common, plus how alike their names are.
    """
    common = len(one.leaves & other.leaves)
    share = common / max(len(one.leaves) + len(other.leaves) - common, 1)
    return share + _alike(one.name, other.name, 1 - share)


def _alike(one: str, other: str, enough: float) -> float:
    """How alike two names are: 1 where the one is the other with something added.

    0 where it is less than enough, which is seldom worked out to the end.
    """
    if one and other and (one in other or other in one):
        return 1.0
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    if matcher.real_quick_ratio() < enough or matcher.quick_ratio() < enough:
        return 0.0
    return matcher.ratio()


def _leaves(message: Message, path: str) -> Iterator[tuple[str, str]]:
    for name in {field.name for field in message.fields}:
        for index, entry in enumerate(message.entries(name)):
            here = f"{path}.{name}[{index}]"
            if isinstance(entry.value, Message):
                yield from _leaves(entry.value, here)
            else:
                yield here, entry.value.text


def _moved(order: list[int]) -> set[int]:
    """The old indices outside the longest run that kept its order."""
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
