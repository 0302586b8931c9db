"""Layers of a net that have the shapes, and nearly the names, of unused layers of the weights."""

from __future__ import annotations

import re
from collections.abc import Collection

from ssdh_surgery.caffe.weights.copy_table import CopyRow
from ssdh_surgery.pipeline.check.weights.weights_copy import WeightsCopy

# What separates a prefix or a suffix from a name.
_SEPARATOR = re.compile(r"[/_.:-]")


def renamed_layers(copy: WeightsCopy, exempt: Collection[str] = ()) -> list[tuple[str, str]]:
    """Pairs of a layer that is new in the net and an unused one of the file.

    Args:
        copy: what the net takes of the file.
        exempt: layers of the net that are meant to be new.
    """
    unused = [row for row in copy.rows if row.status == "unused"]
    pairs = []
    for row in copy.rows:
        if row.status != "new" or row.layer in exempt:
            continue
        match = next((other for other in unused if _is_like(row, other)), None)
        if match is not None:
            unused.remove(match)
            pairs.append((row.layer, match.layer))
    return pairs


def _is_like(row: CopyRow, other: CopyRow) -> bool:
    return (
        bool(row.shapes)
        and _squeezed(row) == _squeezed(other)
        and same_name(row.layer, other.layer)
    )


def _squeezed(row: CopyRow) -> list[tuple[int, ...]]:
    """The shapes without sizes of 1, which a legacy shape is padded with."""
    return [tuple(size for size in shape if size != 1) for shape in row.shapes or row.file_shapes]


def same_name(name: str, other: str) -> bool:
    """Whether two names differ in case, in separators, or by a prefix or suffix alone.

    >>> same_name("conv1", "Conv_1"), same_name("net/conv_1", "Conv1"), same_name("fc7", "fc6")
    (True, True, False)
    """
    short, long = sorted((name, other), key=len)
    plain = _plain(short)
    return bool(plain) and (
        plain == _plain(long)
        or any(
            plain in (_plain(long[: place.start()]), _plain(long[place.end() :]))
            for place in _SEPARATOR.finditer(long)
        )
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()
