"""FAISS: exact search, inverted lists and hash tables; its graph is in `graph.py`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ssdh_surgery.errors import DataError, of_extra
from ssdh_surgery.retrieval.index.backends import Neighbours, Packed

# The least number of codes that FAISS trains an inverted list on.
_CODES_PER_LIST = 39


def library() -> Any:
    """The module faiss.

    Raises:
        MissingExtra: it is not installed.
    """
    with of_extra("search", "an index"):
        import faiss
    return faiss


class FaissBackend(ABC):
    """A binary index of FAISS.

    Args:
        bytes_per_code: the width of a packed code.
        options: of the kind.
        saved: what `saved()` gave; None for an empty index.

    Raises:
        MissingExtra: FAISS is not installed.
        DataError: `saved` is damaged.
    """

    # Whether FAISS returns rows at one distance in ascending order, and needs no bytes saved.
    is_flat: ClassVar[bool] = False

    def __init__(
        self, bytes_per_code: int, options: Mapping[str, float], saved: Packed | None = None
    ) -> None:
        self.bits = 8 * bytes_per_code
        self.options = options
        self.faiss = library()
        self._index: Any = None
        if saved is not None:
            try:
                self._index = self.faiss.deserialize_index_binary(saved)
            except (RuntimeError, MemoryError) as error:
                # A damaged size may be more than there is memory.
                raise DataError("the data that FAISS saved in the index is damaged") from error
            if self._index.d != self.bits:
                raise DataError("the data that FAISS saved in the index is of another width")

    @abstractmethod
    def new_index(self, packed: Packed) -> Any:
        """An empty index of FAISS, of a size that suits its first codes, and trained on them."""

    def add(self, packed: Packed) -> None:
        """Append codes; the first ones also train the index."""
        if self._index is None:
            self._index = self.new_index(packed)
        self._index.add(np.ascontiguousarray(packed))

    def search(self, queries: Packed, k: int) -> Neighbours:
        """The k nearest codes of each query; see `Backend.search`."""
        if self._index is None:
            missing = np.full((len(queries), k), -1)
            return missing.astype(np.int32), missing.astype(np.int64)
        distances, rows = self._index.search(np.ascontiguousarray(queries), k)
        if not self.is_flat:
            far = np.where(rows < 0, np.iinfo(np.int32).max, distances)
            order = np.lexsort((rows, far))
            distances = np.take_along_axis(distances, order, 1)
            rows = np.take_along_axis(rows, order, 1)
        distances[rows < 0] = -1
        return distances, rows

    def saved(self) -> Packed | None:
        """The index as FAISS serializes it; None where the codes suffice."""
        if self.is_flat or self._index is None:
            return None
        data: Packed = self.faiss.serialize_index_binary(self._index)
        return data


class Flat(FaissBackend):
    """Compares each query with all codes."""

    is_flat = True

    def new_index(self, packed: Packed) -> Any:
        """See `FaissBackend`."""
        return self.faiss.IndexBinaryFlat(self.bits)


class InvertedLists(FaissBackend):
    """Compares each query with the codes of the nearest `share_probed` of all lists."""

    def new_index(self, packed: Packed) -> Any:
        """See `FaissBackend`."""
        count = len(packed)
        lists = max(1, min(round(4 * math.sqrt(count)), count // _CODES_PER_LIST))
        coarse = self.faiss.IndexBinaryFlat(self.bits)
        index = self.faiss.IndexBinaryIVF(coarse, self.bits, lists)
        # The lists' index belongs to this one, and must live as long.
        coarse.this.disown()
        index.own_fields = True
        index.nprobe = max(1, math.ceil(self.options["share_probed"] * lists))
        index.train(np.ascontiguousarray(packed))
        return index


class Hash(FaissBackend):
    """Looks up the first bits of a code in a hash table, and all keys up to `flips` bits away."""

    def new_index(self, packed: Packed) -> Any:
        """See `FaissBackend`."""
        # Keys so short that the buckets within reach hold a few hundred codes.
        width = max(1, min(self.bits, round(math.log2(max(2, len(packed)))) - 2))
        index = self.faiss.IndexBinaryHash(self.bits, width)
        index.nflip = int(self.options["flips"])
        return index


class MultiHash(FaissBackend):
    """Looks up parts of a code, and their neighbours at distance 1, in `tables` hash tables."""

    def new_index(self, packed: Packed) -> Any:
        """See `FaissBackend`."""
        tables = int(self.options["tables"])
        # Keys so short that a bucket holds a few codes.
        width = max(1, min(self.bits // tables, round(math.log2(max(2, len(packed))))))
        index = self.faiss.IndexBinaryMultiHash(self.bits, tables, width)
        index.nflip = 1
        return index
