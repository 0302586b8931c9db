"""FAISS's graph (HNSW) of the distinct codes, each of which stands for all rows that have it.

Codes of a trained net clump. In a graph of all rows, the equal codes of a clump link only to each
other, and the search never gets out of, or into, such an island. So a code is a node once, and
the rows of a node follow from a table. A code that equals the query is looked up in that table
too, so that an item always finds itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.retrieval.index.backends import Neighbours, Packed
from ssdh_surgery.retrieval.index.backends.faiss import FaissBackend

# What the saved bytes begin with; a graph saved by an earlier version has none, and a node per row.
_MARK = b"ssdhrows"
# Rows of nodes that are put in order at a time.
_CELLS = 1 << 22


@dataclass(frozen=True, eq=False)
class _NodeTable:
    """The rows of nodes.

    Args:
        codes: of the nodes, distinct, [M, B].
        of_rows: the node of each row, [N].
    """

    codes: Packed
    of_rows: NDArray[np.int64]

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """The number of rows of each node, [M]."""
        return np.bincount(self.of_rows, minlength=len(self.codes)).astype(np.int64)

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        return self.sizes.cumsum()

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        """The rows, grouped by node and ascending in each."""
        return np.argsort(self.of_rows, kind="stable")

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """The nodes in the order of their hashes."""
        return np.argsort(_hashes(self.codes))

    @cached_property
    def _sorted_hashes(self) -> NDArray[np.uint64]:
        return _hashes(self.codes)[self._order]

    def find(self, packed: Packed) -> NDArray[np.int64]:
        """The node of each code, -1 where no node has it.

        Of two codes with one hash, which are next to impossible, only one is found: the other
        gets a second node, which changes no distance.
        """
        if not len(self.codes):
            return np.full(len(packed), -1)
        places = np.searchsorted(self._sorted_hashes, _hashes(packed))
        nodes = self._order[np.minimum(places, len(self.codes) - 1)]
        return np.where((self.codes[nodes] == packed).all(1), nodes, -1)

    def with_codes(self, packed: Packed) -> _NodeTable:
        """The table after more rows: a node for each code that is new."""
        nodes = self.find(packed)
        new = packed[nodes < 0]
        _, first, inverse = np.unique(_keys(new), return_index=True, return_inverse=True)
        ranks = np.empty(len(first), np.int64)  # nodes are in the order of their first rows
        ranks[np.argsort(first)] = np.arange(len(first))
        nodes[nodes < 0] = len(self.codes) + ranks[inverse.reshape(-1)]
        codes = np.concatenate([self.codes, new[np.sort(first)]])
        return _NodeTable(codes, np.concatenate([self.of_rows, nodes]))

    def nearest_rows(
        self, distances: NDArray[np.int32], nodes: NDArray[np.int64], k: int
    ) -> Neighbours:
        """The k first rows of nodes [Q, n] at ascending distances, -1 where there are fewer."""
        near = np.full((len(nodes), k), -1, np.int32)
        nearest = np.full((len(nodes), k), -1, np.int64)
        step = max(1, _CELLS // max(1, nodes.shape[1] * k))
        for start in range(0, len(nodes), step):
            part = slice(start, start + step)
            is_node = nodes[part] >= 0
            query, _ = np.nonzero(is_node)
            node, distance = nodes[part][is_node], distances[part][is_node]
            counts = np.minimum(self.sizes[node], k)
            # The first `counts` rows of each node, one after another.
            within = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
            rows = self._rows[np.repeat(self._ends[node] - self.sizes[node], counts) + within]
            query, distance = np.repeat(query, counts), np.repeat(distance, counts)
            order = np.lexsort((rows, distance, query))
            query = query[order]
            rank = np.arange(len(query)) - np.searchsorted(query, query)
            kept = rank < k
            cells = start + query[kept], rank[kept]
            near[cells], nearest[cells] = distance[order][kept], rows[order][kept]
        return near, nearest


class Graph(FaissBackend):
    """Walks a graph (HNSW) of `links` neighbours for each code, keeping `searched` candidates."""

    def __init__(
        self, bytes_per_code: int, options: Mapping[str, float], saved: Packed | None = None
    ) -> None:
        of_rows = None
        if saved is not None and saved[: len(_MARK)].tobytes() == _MARK:
            of_rows, saved = _parted(saved)
        super().__init__(bytes_per_code, options, saved)
        codes: Packed = np.empty((0, bytes_per_code), np.uint8)
        if self._index is not None:
            storage = self.faiss.downcast_IndexBinary(self._index.storage)
            codes = self.faiss.vector_to_array(storage.xb).reshape(-1, bytes_per_code)
        if of_rows is None:
            of_rows = np.arange(len(codes))
        if len(of_rows) and int(of_rows.max()) >= len(codes):
            raise DataError("the data that FAISS saved in the index is damaged")
        self._table = _NodeTable(codes, of_rows)

    def new_index(self, packed: Packed) -> Any:
        """See `FaissBackend`."""
        index = self.faiss.IndexBinaryHNSW(self.bits, int(self.options["links"]))
        index.hnsw.efSearch = int(self.options["searched"])
        return index

    def add(self, packed: Packed) -> None:
        """Append codes; those that are in the graph already add no node."""
        before = len(self._table.codes)
        self._table = self._table.with_codes(np.ascontiguousarray(packed))
        super().add(self._table.codes[before:])

    def search(self, queries: Packed, k: int) -> Neighbours:
        """The k nearest codes of each query; see `Backend.search`."""
        queries = np.ascontiguousarray(queries)
        distances, nodes = super().search(queries, min(k, max(1, len(self._table.codes))))
        equal = self._table.find(queries)
        is_missed = (equal >= 0) & ~(nodes == equal[:, None]).any(1)
        nodes[is_missed, -1], distances[is_missed, -1] = equal[is_missed], 0
        return self._table.nearest_rows(distances, nodes, k)

    def saved(self) -> Packed | None:
        """The nodes of the rows, and the graph as FAISS serializes it."""
        graph = super().saved()
        if graph is None:
            return None
        rows = self._table.of_rows.astype("<i8")
        head = _MARK + len(rows).to_bytes(8, "little") + rows.tobytes()
        return np.concatenate([np.frombuffer(head, np.uint8), graph])


def _hashes(packed: Packed) -> NDArray[np.uint64]:
    """A number for each code, which sorts ten times as fast as the code."""
    words = -(-packed.shape[1] // 8)
    padded = np.zeros((len(packed), 8 * words), np.uint8)
    padded[:, : packed.shape[1]] = packed
    factors = np.random.default_rng(0).integers(0, 1 << 63, words, dtype=np.uint64) * 2 + 1
    hashes: NDArray[np.uint64] = (padded.view(np.uint64) * factors).sum(1, dtype=np.uint64)
    return hashes


def _keys(packed: Packed) -> NDArray[np.void]:
    """Each code as one value, to sort and compare."""
    return np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").reshape(-1)


def _parted(saved: Packed) -> tuple[NDArray[np.int64], Packed]:
    """The nodes of the rows, and the graph."""
    begin = len(_MARK) + 8
    count = int.from_bytes(saved[len(_MARK) : begin].tobytes(), "little")
    end = begin + 8 * count
    if end > len(saved):
        raise DataError("the data that FAISS saved in the index is damaged")
    return np.frombuffer(saved[begin:end].tobytes(), "<i8").astype(np.int64), saved[end:]
