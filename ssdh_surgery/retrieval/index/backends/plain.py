"""Exact search in plain numpy: what the others are tested against, and for small sets."""

from __future__ import annotations

import numpy as np

from ssdh_surgery.retrieval.index.backends.base import Found, Packed

# Distances of so many pairs at a time.
_PAIRS = 1 << 22
# How many bits of a byte are ones.
_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(1, dtype=np.uint8)


class PlainBackend:
    """Compares each query with all codes, `bytes_per_code` wide."""

    def __init__(self, bytes_per_code: int) -> None:
        self._codes = np.empty((0, bytes_per_code), np.uint8)

    def add(self, packed: Packed) -> None:
        """Add codes behind those that are there."""
        self._codes = np.concatenate([self._codes, packed])

    def search(self, queries: Packed, k: int) -> Found:
        """The k nearest codes of each query, as `Backend.search` says."""
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
        """Nothing: the codes are all there is."""
