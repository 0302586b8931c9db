"""Matching the layers of two nets: by name, and renamed layers by their content.

A layer whose name is not in the other net is matched to the one of its type that is most
similar, or that the same layers read.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ssdh_surgery.prototxt.cst import Entry, Message

# The index of a layer, and of one of its bottoms.
_Reader = tuple[int, int]


def labels(entries: Sequence[Entry], field: str) -> list[str]:
    """A label for each layer: `layer[NAME]`, and `layer[NAME#2]` for the second of a name."""
    counts: dict[str, int] = {}
    result = []
    for entry in entries:
        name = _name(entry)
        counts[name] = counts.get(name, 0) + 1
        number = f"#{counts[name]}" if counts[name] > 1 else ""
        result.append(f"{field}[{name}{number}]")
    return result


def _name(entry: Entry) -> str:
    message = entry.value
    if not isinstance(message, Message):
        return ""
    return (message.message("layer") or message).string("name")


def match_layers(old: Sequence[Entry], new: Sequence[Entry]) -> dict[int, int]:
    """The old index of each layer that is in both nets, by its new index."""
    places = {label: index for index, label in enumerate(labels(old, ""))}
    pairs = {i: places[label] for i, label in enumerate(labels(new, "")) if label in places}
    before, after = _Side.of(old), _Side.of(new)
    _match(before, after, pairs, _likeness)
    # The layers next to one that was just matched may now be matched by their role.
    while _match(before, after, pairs, lambda one, other: 0.0):
        pass
    return pairs


def _match(
    old: _Side, new: _Side, pairs: dict[int, int], likeness: Callable[[_Layer, _Layer], float]
) -> bool:
    """Match layers under other names, the most similar first; whether any was matched."""
    kept = set(pairs.values())
    unmatched: dict[str, list[tuple[_Layer, object]]] = {}
    for one in old.layers:
        if one.index not in kept:
            unmatched.setdefault(one.type, []).append((one, old.role(one)))
    scored = []
    for other in new.layers:
        role = None if other.index in pairs else new.role(other, pairs)
        for one, one_role in unmatched.get(other.type, ()) if other.index not in pairs else ():
            alike = 1 + _share(one, other) if role and role == one_role else likeness(one, other)
            if alike >= 1:
                scored.append((-alike, one.index, other.index))
    before = len(pairs)
    for _, one_index, other_index in sorted(scored):
        if one_index not in kept and other_index not in pairs:
            pairs[other_index] = one_index
            kept.add(one_index)
    return len(pairs) > before


@dataclass(frozen=True)
class _Layer:
    """The identity of a layer: its name, its type, its connections, and the values in it."""

    index: int
    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    leaves: frozenset[tuple[str, str]]


class _Side:
    """The layers of one net, with the readers and writers of each blob."""

    def __init__(self, layers: Iterable[_Layer]) -> None:
        self.layers = tuple(layers)
        self._readers: dict[str, list[_Reader]] = {}
        self._writers: dict[str, list[int]] = {}
        for layer in self.layers:
            for place, name in enumerate(layer.bottoms):
                self._readers.setdefault(name, []).append((layer.index, place))
            for name in layer.tops:
                self._writers.setdefault(name, []).append(layer.index)

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> _Side:
        """The layers of the entries of a net."""
        layers = []
        for index, entry in enumerate(entries):
            message = entry.value
            if isinstance(message, Message):
                core = message.message("layer") or message
                bottoms, tops = (
                    tuple(scalar.string for scalar in message.scalars(name))
                    for name in ("bottom", "top")
                )
                leaves = frozenset(_leaves(message, ""))
                kind = core.string("type")
                layers.append(_Layer(index, _name(entry), kind, bottoms, tops, leaves))
        return cls(layers)

    def role(self, layer: _Layer, pairs: Mapping[int, int] | None = None) -> object:
        """The readers of a layer, or the writers of its bottoms if it has none; None if unknown.

        `pairs` translates indices to those of the other net.
        """
        readers = {
            reader
            for name in layer.tops
            for reader in self._readers.get(name, ())
            if reader[0] != layer.index
        }
        neighbours = readers or {
            (writer, -1 - place)
            for place, name in enumerate(layer.bottoms)
            for writer in self._writers.get(name, ())
            if writer != layer.index
        }
        if pairs is not None:
            if any(index not in pairs for index, _ in neighbours):
                return None
            neighbours = {(pairs[index], place) for index, place in neighbours}
        return frozenset(neighbours) or None


def _likeness(one: _Layer, other: _Layer) -> float:
    """How likely two layers of a type are one that was renamed: 1 or more is enough.

    The share of values that they have in common, plus the similarity of their names.
    """
    share = _share(one, other)
    return share + _name_similarity(one.name, other.name, 1 - share)


def _share(one: _Layer, other: _Layer) -> float:
    common = len(one.leaves & other.leaves)
    return common / max(len(one.leaves) + len(other.leaves) - common, 1)


def _name_similarity(one: str, other: str, enough: float) -> float:
    """The similarity of two names: 1 if one contains the other, 0 if it is less than `enough`.

    Most pairs fall short, and are rejected by a cheap upper bound.
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
