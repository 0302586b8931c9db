"""Compiled Hamming ranking: popcount, counting sort, and a pass over the relevant items.

Items at one distance stay in database order. `metrics` imports this module only when codes are
evaluated, because importing numba takes a third of a second.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray


def _make_popcount(typing_context: Any, value: Any) -> Any:
    """The number of ones in a 64-bit word, by the processor's instruction for it."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), generate


# The block size of the search for the items that rank first.
_BLOCK = 128

_popcount: Any = intrinsic(_make_popcount)


def words(packed: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Packed codes [N, B] as 64-bit words [N, ceil(B / 8)], padded with zeros."""
    count, width = packed.shape
    padded = np.zeros((count, -(-width // 8) * 8), np.uint8)
    padded[:, :width] = packed
    return padded.view(np.uint64)


@numba.njit(cache=True, inline="always")
def _is_relevant(one: Any, other: Any, is_multi: bool) -> bool:
    """Whether two items share a label; several labels are bits of 64-bit words."""
    if not is_multi:
        return bool(one[0] == other[0])
    for word in range(len(one)):  # noqa: SIM110 -- compiled
        if one[word] & other[word]:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _ranks(
    radii: NDArray[np.uint32],
    before: NDArray[np.int64],
    counts: NDArray[np.int64],
    relevant: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The ranks of the relevant items, ascending; counts them by distance in `relevant`."""
    for radius in radii:
        relevant[radius] += 1
    # The first rank, and the first relevant slot, at each distance.
    places = np.zeros(len(counts), np.int64)
    slots = np.zeros(len(counts), np.int64)
    for radius in range(1, len(counts)):
        places[radius] = places[radius - 1] + counts[radius - 1]
        slots[radius] = slots[radius - 1] + relevant[radius - 1]
    ranks = np.empty(len(radii), np.int64)
    for hit in range(len(radii)):
        radius = radii[hit]
        ranks[slots[radius]] = places[radius] + before[hit] + 1
        slots[radius] += 1
    return ranks


@numba.njit(cache=True, parallel=True, nogil=True)
def rank_hits(
    queries: NDArray[np.uint64],
    database: NDArray[np.uint64],
    query_labels: NDArray[np.uint64],
    database_labels: NDArray[np.uint64],
    is_multi: bool,
    bits: int,
    cutoffs: NDArray[np.int64],
    nearest: int,
) -> Any:
    """Rank the database for each query, and add up precisions at relevant items.

    Args:
        queries: words [Q, W].
        database: words [N, W].
        query_labels: [Q, L].
        database_labels: [N, L].
        is_multi: whether labels are sets; else a number each (L is 1).
        bits: the width of a code.
        cutoffs: [C], ascending.
        nearest: the number of first items to return, at most N.

    Returns:
        The sum of precisions at relevant items within each cut-off, float64 [Q, C]; the
        number of these items, int64 [Q, C]; the numbers of all and of relevant items at each
        distance, int64 [Q, bits + 1] each; the first items in the order of their ranks,
        int64 [Q, nearest].
    """
    count, total, width = len(queries), len(database), queries.shape[1]
    sums = np.zeros((count, len(cutoffs)), np.float64)
    hits = np.zeros((count, len(cutoffs)), np.int64)
    items = np.zeros((count, bits + 1), np.int64)
    relevant = np.zeros((count, bits + 1), np.int64)
    first = np.empty((count, nearest), np.int64)
    for query in numba.prange(count):
        # Twice the distance, plus one if the item is relevant.
        keys = np.empty(total, np.uint32)
        mine = queries[query]
        if width == 1:
            for item in range(total):
                keys[item] = _popcount(mine[0] ^ database[item, 0]) << np.uint64(1)
        else:
            for item in range(total):
                distance = np.uint64(0)
                for word in range(width):
                    distance += _popcount(mine[word] ^ database[item, word])
                keys[item] = distance << np.uint64(1)
        if is_multi:
            for item in range(total):
                keys[item] |= _is_relevant(query_labels[query], database_labels[item], True)
        else:
            label = query_labels[query, 0]
            for item in range(total):
                keys[item] |= database_labels[item, 0] == label
        # For each relevant item: its distance, and the number of items before it at that distance.
        radii = np.empty(total + 1, np.uint32)
        before = np.empty(total + 1, np.int64)
        counts = np.zeros(bits + 1, np.int64)
        relevant_count = 0
        for item in range(total):
            key = keys[item]
            radius = key >> 1
            seen = counts[radius]
            counts[radius] = seen + 1
            # Written for every item and kept for relevant ones: a branch would cost more.
            radii[relevant_count] = radius
            before[relevant_count] = seen
            relevant_count += key & 1
        items[query] = counts
        ranks = _ranks(radii[:relevant_count], before, counts, relevant[query])
        _add_up(ranks, cutoffs, sums[query], hits[query])
        _take_first(keys, counts, first[query])
    return sums, hits, items, relevant, first


@numba.njit(cache=True, nogil=True)
def _take_first(
    keys: NDArray[np.uint32], counts: NDArray[np.int64], first: NDArray[np.int64]
) -> None:
    """Fill `first` with the items that rank first, from the keys and counts of `rank_hits`."""
    size = len(first)
    if not size:
        return
    places = np.zeros(len(counts), np.int64)
    last = 0
    while places[last] + counts[last] < size:
        places[last + 1] = places[last] + counts[last]
        last += 1
    limit = np.uint32(2 * (last + 1))
    left = size
    for start in range(0, len(keys), _BLOCK):
        block = keys[start : start + _BLOCK]
        # Most blocks have none of them, and counting is vectorized.
        near = np.uint32(0)
        for key in block:
            near += np.uint32(key < limit)
        if not near:
            continue
        for item in range(len(block)):
            radius = block[item] >> 1
            if radius <= last and places[radius] < size:
                first[places[radius]] = start + item
                places[radius] += 1
                left -= 1
        if not left:
            return


@numba.njit(cache=True, nogil=True)
def _add_up(
    ranks: NDArray[np.int64],
    cutoffs: NDArray[np.int64],
    sums: NDArray[np.float64],
    hits: NDArray[np.int64],
) -> None:
    """Running sums of precisions over relevant items in rank order, read at each cut-off."""
    total = 0.0
    index = 0
    for cutoff in range(len(cutoffs)):
        while index < len(ranks) and ranks[index] <= cutoffs[cutoff]:
            index += 1
            total += index / ranks[index - 1]
        sums[cutoff] = total
        hits[cutoff] = index


@numba.njit(cache=True, parallel=True, nogil=True)
def add_up_ranked(
    order: NDArray[np.int64],
    query_labels: NDArray[np.uint64],
    database_labels: NDArray[np.uint64],
    is_multi: bool,
    cutoffs: NDArray[np.int64],
) -> Any:
    """Like `rank_hits`, for items that are already ranked: `order` is [Q, N].

    Returns:
        The sums of precisions and the numbers of relevant items within each cut-off.
    """
    count, total = order.shape
    sums = np.zeros((count, len(cutoffs)), np.float64)
    hits = np.zeros((count, len(cutoffs)), np.int64)
    for query in numba.prange(count):
        ranks = np.empty(total, np.int64)
        relevant_count = 0
        for rank in range(total):
            item = order[query, rank]
            if _is_relevant(query_labels[query], database_labels[item], is_multi):
                ranks[relevant_count] = rank + 1
                relevant_count += 1
        _add_up(ranks[:relevant_count], cutoffs, sums[query], hits[query])
    return sums, hits
