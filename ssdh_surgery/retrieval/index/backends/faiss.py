"""FAISS: exact search (flat), and three approximate kinds for sizes where that is too slow."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from ssdh_surgery.errors import DataError, of_extra
from ssdh_surgery.retrieval.index.backends.base import Found, Packed

FaissKind = Literal["flat", "ivf", "hnsw", "multihash"]
# Neighbours of a code in the graph, and lists or hash tables that are looked at.
_HNSW_LINKS = 32
_HNSW_SEARCHED = 128
_IVF_PROBES = 0.05
_HASHES = 4


def library() -> Any:
    """The module faiss.

    Raises:
        MissingExtra: it is not installed.
    """
    with of_extra("search", "an index"):
        import faiss
    return faiss


class FaissBackend:
    """A binary index of FAISS for codes of so many bytes.

    `saved` is what `saved()` gave: without it the index is empty.

    Raises:
        MissingExtra: FAISS is not installed.
        DataError: `saved` is damaged.
    """

    def __init__(self, kind: FaissKind, bytes_per_code: int, saved: Packed | None = None) -> None:
        self.kind = kind
        self._bits = 8 * bytes_per_code
        self._faiss = library()
        self._index: Any = None
        if saved is not None:
            try:
                self._index = self._faiss.deserialize_index_binary(saved)
            except RuntimeError as error:
                raise DataError("what FAISS kept of the index is damaged") from error

    def add(self, packed: Packed) -> None:
        """Add codes behind those that are there; the first ones also train the index."""
        if self._index is None:
            self._index = self._made(packed)
        self._index.add(np.ascontiguousarray(packed))

    def _made(self, packed: Packed) -> Any:
        faiss = self._faiss
        if self.kind == "flat":
            return faiss.IndexBinaryFlat(self._bits)
        if self.kind == "hnsw":
            index = faiss.IndexBinaryHNSW(self._bits, _HNSW_LINKS)
            index.hnsw.efSearch = _HNSW_SEARCHED
            return index
        if self.kind == "multihash":
            # Keys so short that a bucket holds a few codes.
            width = max(1, min(self._bits // _HASHES, round(math.log2(max(2, len(packed))))))
            index = faiss.IndexBinaryMultiHash(self._bits, _HASHES, width)
            index.nflip = 1
            return index
        lists = max(1, min(round(4 * math.sqrt(len(packed))), len(packed) // 39))
        coarse = faiss.IndexBinaryFlat(self._bits)
        index = faiss.IndexBinaryIVF(coarse, self._bits, lists)
        # The lists' index belongs to this one, and must live as long.
        coarse.this.disown()
        index.own_fields = True
        index.nprobe = max(1, math.ceil(_IVF_PROBES * lists))
        index.train(np.ascontiguousarray(packed))
        return index

    def search(self, queries: Packed, k: int) -> Found:
        """The k nearest codes of each query, as `Backend.search` says."""
        if self._index is None:
            missing = np.full((len(queries), k), -1)
            return missing.astype(np.int32), missing.astype(np.int64)
        distances, rows = self._index.search(np.ascontiguousarray(queries), k)
        if self.kind != "flat":  # FAISS's exact search has this order already
            far = np.where(rows < 0, np.iinfo(np.int32).max, distances)
            order = np.lexsort((rows, far))
            distances = np.take_along_axis(distances, order, 1)
            rows = np.take_along_axis(rows, order, 1)
        distances[rows < 0] = -1
        return distances, rows

    def saved(self) -> Packed | None:
        """The bytes of an approximate index; a flat one is made of the codes alone."""
        if self.kind == "flat" or self._index is None:
            return None
        data: Packed = self._faiss.serialize_index_binary(self._index)
        return data
