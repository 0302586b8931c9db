"""Arrays taken a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

_BYTES = 8 << 20


def blocks(array: NDArray[Any]) -> Iterator[slice]:
    """The rows of an array in runs of a few megabytes."""
    rows = rows_of(array)
    for start in range(0, len(array), rows):
        yield slice(start, start + rows)


def rows_of(*arrays: NDArray[Any]) -> int:
    """So many rows of all these arrays together are a few megabytes."""
    width = sum(each.nbytes // max(1, len(each)) for each in arrays)
    return max(1, _BYTES // max(1, width))
