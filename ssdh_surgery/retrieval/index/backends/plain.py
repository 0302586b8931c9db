"""Exact search in plain NumPy: the reference for the other backends, and for small sets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ssdh_surgery.retrieval.index.backends import Neighbours, Packed

# Pairs of codes compared at a time.
_PAIRS = 1 << 22
# The number of ones in each byte.
_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1, dtype=np.uint8)


class Plain:
    """Compares each query with all codes, `bytes_per_code` wide."""

    def __init__(
        self, bytes_per_code: int, options: Mapping[str, float], saved: Packed | None = None
    ) -> None:
        self._codes = np.empty((0, bytes_per_code), np.uint8)

    def add(self, packed: Packed) -> None:
        """Append codes."""
        self._codes = np.concatenate([self._codes, packed])

    def search(self, queries: Packed, k: int) -> Neighbours:
        """The k nearest codes of each query; see `Backend.search`."""
        distances = np.full((len(queries), k), -1, np.int32)
        rows = np.full((len(queries), k), -1, np.int64)
        count = min(k, len(self._codes))
        step = max(1, _PAIRS // max(1, self._codes.size))
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            differing = queries[part, None] ^ self._codes
            all_distances = _ONES[differing].sum(2, dtype=np.int32)
            nearest = np.argsort(all_distances, axis=1, kind="stable")[:, :count]
            rows[part, :count] = nearest
            distances[part, :count] = np.take_along_axis(all_distances, nearest, 1)
        return distances, rows

    def saved(self) -> None:
        """None: the codes suffice."""
