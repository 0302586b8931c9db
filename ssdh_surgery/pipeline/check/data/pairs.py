"""SSDH1xx: data layers whose tops meet, item by item, but that do not read in step."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import OUT_OF_STEP, Finding
from ssdh_surgery.names import count_text, printable
from ssdh_surgery.pipeline.check.data.streams import ItemName, Stream
from ssdh_surgery.pipeline.check.subject import Subject

_SAME_KEYS = (
    "write both in the same order with the same keys, as ssdh data build --multi-label does"
)
_ORDINALS = {1: "st", 2: "nd", 3: "rd"}  # codespell:ignore


@dataclass(frozen=True)
class _Pair:
    """Two data layers that meet in a layer."""

    first: Stream
    second: Stream
    meeting: Layer


def findings(subject: Subject) -> Iterator[Finding]:
    """The pairs of data layers that do not read in step, each with the first reason."""
    for net, state in subject.nets:
        for pair in _pairs(net.graph(state), subject):
            reason, hint = _reason(pair, subject, is_train=state.phase == "TRAIN") or ("", "")
            if reason:
                first, second = pair.first, pair.second
                yield OUT_OF_STEP.at(
                    second.place,
                    f"'{first.layer.name}' and '{second.layer.name}' are read in step, and meet in "
                    f"'{pair.meeting.name}', but {reason}",
                    hint,
                )


def _pairs(graph: BlobGraph, subject: Subject) -> Iterator[_Pair]:
    """The pairs of streams that a stock layer reads through different bottoms."""
    streams = {
        layer.index: stream
        for layer in graph.layers
        if (stream := Stream.of(layer, subject)) is not None
    }
    visited: set[tuple[int, int]] = set()
    for layer in graph.layers if len(streams) > 1 else ():
        if layer.is_foreign or _joins_batches(layer):
            continue
        below = [
            {blob.writer.index for blob in graph.origins(layer, bottom) if blob.writer}
            for bottom in range(len(layer.bottoms))
        ]
        for one, other in itertools.combinations(below, 2):
            for pair in itertools.product(one - other, other - one):
                first, second = sorted(pair)
                if {first, second} <= streams.keys() and (first, second) not in visited:
                    visited.add((first, second))
                    yield _Pair(streams[first], streams[second], layer)


def _joins_batches(layer: Layer) -> bool:
    """Whether a layer puts items behind each other, which are then not compared."""
    if layer.type != "Concat":
        return layer.type in ("BatchReindex", "Silence", "HDF5Output")
    param = layer.parameter.concat_param
    return (param.concat_dim if param.HasField("concat_dim") else param.axis) == 0


def _reason(pair: _Pair, subject: Subject, *, is_train: bool) -> tuple[str, str] | None:
    """Why two streams are out of step, with what to do; None if they are not."""
    first, second = pair.first, pair.second
    if not (first.path.exists() and second.path.exists()):
        return None
    if os.path.samefile(first.path, second.path):
        return None  # pairs of one source are shifted on purpose
    return (
        _random_order(first, second)
        or _batches(first, second)
        or (_shares(first, second, len(subject.gpus)) if is_train else None)
        or _keys(first, second)
        or _counts(first, second, _items_read(first, subject) if is_train else None)
    )


def _random_order(first: Stream, second: Stream) -> tuple[str, str] | None:
    for one, other in ((first, second), (second, first)):
        if one.is_shuffled:
            also = " by itself, too" if other.is_shuffled else ", and the other does not"
            return (
                f"'{one.layer.name}' shuffles its {one.unit}s{also}",
                "shuffle both files once, in the same way, and remove shuffle",
            )
        if one.skip:
            return (
                f"'{one.layer.name}' skips up to {one.skip:,} {one.unit}s at random",
                "remove rand_skip",
            )
    return None


def _batches(first: Stream, second: Stream) -> tuple[str, str] | None:
    if first.batch == second.batch:
        return None
    return (
        f"their batch sizes are {first.batch} and {second.batch}",
        "give both the same batch_size",
    )


def _shares(first: Stream, second: Stream, gpus: int) -> tuple[str, str] | None:
    """Streams of which one is divided among the GPUs, and the other is read by each of them."""
    lists = [each for each in (first, second) if each.layer.type == "ImageData"]
    if gpus < 2 or len(lists) != 1:
        return None
    divided = second if lists[0] is first else first
    return (
        f"each of {gpus} GPUs takes its share of '{divided.layer.name}', and all lines of "
        f"'{lists[0].layer.name}'",
        "train on one GPU, or put both into databases",
    )


def _items_read(stream: Stream, subject: Subject) -> int | None:
    """The number of items that a training reads; None if it has no end."""
    steps = subject.solver.integer("max_iter")
    if not steps:
        return None
    return steps * max(1, subject.solver.integer("iter_size") or 1) * stream.batch


def _counts(first: Stream, second: Stream, items_read: int | None) -> tuple[str, str] | None:
    """Sources of unequal length, which drift apart when the shorter one begins again."""
    if first.count is None or second.count is None or first.count == second.count:
        return None
    if items_read is not None and items_read <= min(first.count, second.count):
        return None
    return (
        f"{first.path} has {count_text(first.count, first.unit)}, {second.path} "
        f"{count_text(second.count, second.unit)}: they drift apart at each pass",
        "leave out what only one of them has",
    )


def _keys(first: Stream, second: Stream) -> tuple[str, str] | None:
    """Sources whose items have the same names, in another order."""
    try:
        if first.keys == second.keys or not (first.keys and second.keys):
            return None
        place = _first_mismatch(first.names(), second.names())
    except (SsdhError, OSError):
        return None
    if place is None:
        return None
    one, other = printable(first.keys[place]), printable(second.keys[place])
    return (
        f"{first.path} and {second.path} differ from the {_ordinal(place + 1)} {second.unit} on "
        f"('{one}', '{other}')",
        _SAME_KEYS,
    )


def _first_mismatch(first: Sequence[ItemName], second: Sequence[ItemName]) -> int | None:
    """The first place at which two sources hold different items, by their names or numbers."""
    if first[0].name is not None and second[0].name is not None:
        both = {item.name for item in first} & {item.name for item in second}
        # Where no name is in both, the two name their items differently.
        if len(both) * 2 > min(len(first), len(second)):
            return _mismatch([item.name for item in first], [item.name for item in second])
    numbers = [item.number for item in first], [item.number for item in second]
    if numbers[0][0] is None or numbers[1][0] is None:
        return None
    # They may count from different numbers.
    shift = numbers[0][0] - numbers[1][0]
    shifted = [None if number is None else number + shift for number in numbers[1]]
    return _mismatch(numbers[0], shifted)


def _mismatch(first: Sequence[object], second: Sequence[object]) -> int | None:
    pairs = enumerate(zip(first, second, strict=False))
    return next((place for place, (one, other) in pairs if one != other), None)


def _ordinal(number: int) -> str:
    """A number as in `3rd`."""
    is_teen = number % 100 in (11, 12, 13)
    return f"{number:,}{'th' if is_teen else _ORDINALS.get(number % 10, 'th')}"
