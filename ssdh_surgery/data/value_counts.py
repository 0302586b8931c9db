"""The values of records that are labels themselves: class numbers in columns, and label images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.datum import Datum, read_datum
from ssdh_surgery.errors import DataError
from ssdh_surgery.names import printable

# The number of values that are read.
_MOST = 64 << 20


@dataclass(frozen=True)
class ValueCounts:
    """How often each number occurs, and the key of the first record with it."""

    counts: Counter[int]
    first_keys: dict[int, str]
    are_pixels: bool
    is_complete: bool


def count_values(
    items: Iterable[tuple[Any, Any]], columns: tuple[int, int] | None = None
) -> ValueCounts | None:
    """Count the whole numbers in records; None where they hold something else.

    Args:
        items: key and bytes of each record.
        columns: the first channel that counts, and the one after the last; None for all.

    Raises:
        DataError: the database cannot be read on.
    """
    counts: Counter[int] = Counter()
    first_keys: dict[int, str] = {}
    read, are_pixels = 0, False
    for key, record in items:
        if read > _MOST:
            return ValueCounts(counts, first_keys, are_pixels, False)
        values = _values(record, columns)
        if values is None:
            return None
        are_pixels = are_pixels or values.shape[1] > 1
        read += values.size
        for value, count in _numbers(values):
            counts[value] += count
            first_keys.setdefault(value, printable(bytes(key)))
    return ValueCounts(counts, first_keys, are_pixels, True)


def _values(record: Any, columns: tuple[int, int] | None) -> NDArray[Any] | None:
    """The values of a record [channels, pixels]; None where it is no raw record of numbers."""
    try:
        datum: Datum = read_datum(record)
        pixels = datum.pixels() if not datum.encoded else None
    except DataError:
        return None
    if pixels is None or (pixels.dtype != np.uint8 and not _are_whole(pixels)):
        return None
    rows = pixels.reshape(len(pixels), -1)
    return rows if columns is None else rows[slice(*columns)]


def _are_whole(values: NDArray[Any]) -> bool:
    return bool(np.all(np.isfinite(values)) and np.all(values == np.round(values)))


def _numbers(values: NDArray[Any]) -> list[tuple[int, int]]:
    """The numbers in an array, each with its count."""
    if values.size == 1:
        return [(int(values.item()), 1)]
    if values.dtype == np.uint8:
        found = np.bincount(values.ravel())
        return [(int(value), int(found[value])) for value in np.flatnonzero(found)]
    unique, found = np.unique(values, return_counts=True)
    return [(int(value), int(count)) for value, count in zip(unique, found, strict=True)]
