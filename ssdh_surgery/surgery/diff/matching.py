"""Which layer of one net is which of another: by name, and renamed ones by what they are.

A layer that is found under no name is that of the same type which is most like it, or which
is read by the same layers.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ssdh_surgery.prototxt.cst import Entry, Message

# A layer and the bottom of it that is meant.
_Reader = tuple[int, int]


def labels(entries: Sequence[Entry], field: str) -> list[str]:
    """`layer[NAME]`, and `layer[NAME#2]` for the second of a name."""
    counts: dict[str, int] = {}
    found = []
    for entry in entries:
        name = _name(entry)
        counts[name] = counts.get(name, 0) + 1
        number = f"#{counts[name]}" if counts[name] > 1 else ""
        found.append(f"{field}[{name}{number}]")
    return found


def _name(entry: Entry) -> str:
    message = entry.value
    if not isinstance(message, Message):
        return ""
    return (message.message("layer") or message).string("name")


def match_layers(old: Sequence[Entry], new: Sequence[Entry]) -> dict[int, int]:
    """The old index for each new index that has one."""
    places = {label: index for index, label in enumerate(labels(old, ""))}
    pairs = {i: places[label] for i, label in enumerate(labels(new, "")) if label in places}
    before, after = _Side.of(old), _Side.of(new)
    _match(before, after, pairs, _likeness)
    # Who is read by a layer that was just found may be found now.
    while _match(before, after, pairs, lambda one, other: 0.0):
        pass
    return pairs


def _match(
    old: _Side, new: _Side, pairs: dict[int, int], likeness: Callable[[_Layer, _Layer], float]
) -> bool:
    """Find layers under another name, the most alike first; whether any was found."""
    kept = set(pairs.values())
    left: dict[str, list[tuple[_Layer, object]]] = {}
    for one in old.layers:
        if one.index not in kept:
            left.setdefault(one.type, []).append((one, old.role(one)))
    scored = []
    for other in new.layers:
        role = None if other.index in pairs else new.role(other, pairs)
        for one, one_role in left.get(other.type, ()) if other.index not in pairs else ():
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
    """What tells one layer from others: its name, its type, and the values in it."""

    index: int
    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    leaves: frozenset[tuple[str, str]]


class _Side:
    """The layers of one net, and who reads whom."""

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
        """The layers of some entries."""
        found = []
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
                found.append(_Layer(index, _name(entry), kind, bottoms, tops, leaves))
        return cls(found)

    def role(self, layer: _Layer, pairs: Mapping[int, int] | None = None) -> object:
        """Who reads a layer; of one that nobody reads, whom it reads. None is not known.

        `pairs` gives the layers' indices in the other net.
        """
        readers = {
            reader
            for name in layer.tops
            for reader in self._readers.get(name, ())
            if reader[0] != layer.index
        }
        found = readers or {
            (writer, -1 - place)
            for place, name in enumerate(layer.bottoms)
            for writer in self._writers.get(name, ())
            if writer != layer.index
        }
        if pairs is not None:
            if any(index not in pairs for index, _ in found):
                return None
            found = {(pairs[index], place) for index, place in found}
        return frozenset(found) or None


def _likeness(one: _Layer, other: _Layer) -> float:
    """How much two layers of a type look like one that was renamed: 1 and more is enough.

    The share of values that they have in common, plus how alike their names are.
    """
    share = _share(one, other)
    return share + _alike(one.name, other.name, 1 - share)


def _share(one: _Layer, other: _Layer) -> float:
    common = len(one.leaves & other.leaves)
    return common / max(len(one.leaves) + len(other.leaves) - common, 1)


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
