"""Expected values over all orders of items at one distance, from counts alone.

Within a group of equal distances each order is equally likely. Where a cut-off splits a group,
the items before it are a draw without replacement. For average precision without a cut-off
this is the closed form of McSherry and Najork, "Computing information
retrieval performance measures efficiently in the presence of tied scores" (ECIR 2008).
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def _log_choose(total: int, some: int) -> float:
    return math.lgamma(total + 1.0) - math.lgamma(some + 1.0) - math.lgamma(total - some + 1.0)


@numba.njit(cache=True, nogil=True)
def _group(before: int, hits: int, places: int, matches: int) -> float:
    """The expected sum of precisions in a group with `matches` relevant among `places` places."""
    total = 0.0
    share = (matches - 1) / (places - 1) if places > 1 else 0.0
    for place in range(places):
        total += (hits + 1 + place * share) / (before + place + 1)
    return total * matches / places


@numba.njit(cache=True, parallel=True, nogil=True)
def expected(
    items: NDArray[np.int64],
    relevant: NDArray[np.int64],
    cutoffs: NDArray[np.int64],
    by_hits: bool,
) -> Any:
    """Expected average precision and hits within each cut-off.

    Args:
        items: all items at each distance, [Q, bits + 1].
        relevant: the relevant ones among them.
        cutoffs: [C].
        by_hits: divide AP by the hits within the cut-off, else by all relevant items, at most
            the cut-off.

    Returns:
        Average precision, hits within the cut-off and the probability that there is none,
        float64 [Q, C] each.
    """
    count, radii = items.shape
    precision = np.zeros((count, len(cutoffs)), np.float64)
    hits = np.zeros((count, len(cutoffs)), np.float64)
    none = np.zeros((count, len(cutoffs)), np.float64)
    for query in numba.prange(count):
        all_relevant = relevant[query].sum()
        for index in range(len(cutoffs)):
            cutoff = cutoffs[index]
            before, sure, total = 0, 0, 0.0
            radius = 0
            while radius < radii and before + items[query, radius] <= cutoff:
                size, some = items[query, radius], relevant[query, radius]
                if some:
                    total += _group(before, sure, size, some)
                before += size
                sure += some
                radius += 1
            whole = min(all_relevant, cutoff)
            if radius == radii or before == cutoff or relevant[query, radius] == 0:
                divisor = sure if by_hits else whole
                precision[query, index] = total / divisor if divisor else 0.0
                hits[query, index] = sure
                none[query, index] = 0.0 if sure else 1.0
                continue
            # The cut-off splits this group, with `matches` of its relevant items before it.
            size, some, places = items[query, radius], relevant[query, radius], cutoff - before
            ways = _log_choose(size, places)
            for matches in range(max(0, places - (size - some)), min(some, places) + 1):
                chance = math.exp(
                    _log_choose(some, matches) + _log_choose(size - some, places - matches) - ways
                )
                added = _group(before, sure, places, matches) if matches else 0.0
                divisor = sure + matches if by_hits else whole
                if divisor:
                    precision[query, index] += chance * (total + added) / divisor
                hits[query, index] += chance * (sure + matches)
                if sure + matches == 0:
                    none[query, index] += chance
    return precision, hits, none
