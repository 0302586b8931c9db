"""The measures of a ranking, and the tally that they are computed from, query by query."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.retrieval.evaluate.compiled import in_thread
from ssdh_surgery.retrieval.evaluate.protocol import Protocol

# None is the whole database.
Cutoff = int | None


@dataclass(frozen=True)
class Measures:
    """The figures of an evaluation; keys of `map` and `precision` are cut-offs as text.

    `radius_precision` is the precision within the protocol's Hamming radius and `curve` has
    (precision, recall) within each radius from 0 on, averaged over queries; None and empty
    for features. `no_hits` counts the queries without a relevant item. `knn` is the share of
    queries that get their own label by the vote of the k nearest, by k as text: empty where
    items have several labels, and with expected ties, which leave no order.
    """

    map: dict[str, float]
    precision: dict[str, float]
    radius_precision: float | None
    curve: tuple[tuple[float, float], ...]
    no_hits: int
    knn: dict[str, float]


def _ratio(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    total = math.fsum(weights)
    return math.fsum(values) / total if total else 0.0


class Tally:
    """Adds up queries as they are ranked."""

    def __init__(
        self, protocol: Protocol, total: int, cutoffs: Sequence[Cutoff], places: Sequence[int]
    ) -> None:
        self.protocol = protocol
        self._names = ["all" if cutoff is None else str(cutoff) for cutoff in cutoffs]
        self._cutoffs = [total if cutoff is None else min(cutoff, total) for cutoff in cutoffs]
        self._places = {str(place): min(place, total) for place in places}
        self.ranks = np.unique([*self._cutoffs, *self._places.values(), total]).astype(np.int64)
        self._precisions: list[NDArray[np.float64]] = []  # [Q, ranks] each: AP
        self._counted: list[NDArray[np.float64]] = []  # [Q, ranks]: the weight of the query
        self._hits: list[NDArray[np.float64]] = []  # [Q, ranks]
        self._within: list[NDArray[np.float64]] = []  # [Q, 2, bits + 1]: precision, recall

    def take_sums(
        self,
        sums: NDArray[np.float64],
        hits: NDArray[np.int64],
    ) -> None:
        """Take queries by their sums of precisions and numbers of hits, [q, ranks] each."""
        divisor = hits
        if self.protocol.divisor == "relevant":
            divisor = np.minimum(hits[:, -1:], self.ranks)
        self._precisions.append(
            np.divide(sums, divisor, out=np.zeros_like(sums), where=divisor > 0)
        )
        self._hits.append(hits.astype(np.float64))
        self._counted.append((hits > 0).astype(np.float64))

    def take_counts(
        self,
        sums: NDArray[np.float64],
        hits: NDArray[np.int64],
        items: NDArray[np.int64],
        relevant: NDArray[np.int64],
    ) -> None:
        """Take queries ranked by distance, with the numbers of items at each distance."""
        hits_within, items_within = relevant.cumsum(1), items.cumsum(1)
        precision = hits_within / np.maximum(items_within, 1)
        recall = hits_within / np.maximum(hits_within[:, -1:], 1)
        self._within.append(np.stack([precision, recall], 1))
        if self.protocol.ties != "expected":
            self.take_sums(sums, hits)
            return
        from ssdh_surgery.retrieval.evaluate.ties import expected

        precision, likely, none = in_thread(
            expected, items, relevant, self.ranks, self.protocol.divisor == "hits"
        )
        self._precisions.append(precision)
        self._hits.append(likely)
        self._counted.append(1 - none)

    def measures(self, knn: dict[str, float]) -> Measures:
        """The measures of all queries so far; `knn` comes from the vote."""
        precisions, hits = np.concatenate(self._precisions), np.concatenate(self._hits)
        column = {int(rank): index for index, rank in enumerate(self.ranks)}
        weights = np.concatenate(self._counted)
        if self.protocol.no_hits == "zero":
            weights = np.ones_like(weights)
        # Summed exactly, so that no figure depends on the order of the queries.
        means = [_ratio(a, b) for a, b in zip(precisions.T, weights.T, strict=True)]
        within = np.concatenate(self._within).mean(0) if self._within else None
        radius = None
        if within is not None:
            radius = float(within[0, min(self.protocol.radius, within.shape[1] - 1)])
        return Measures(
            map={
                name: means[column[cutoff]]
                for name, cutoff in zip(self._names, self._cutoffs, strict=True)
            },
            precision={
                name: float((hits[:, column[place]] / place).mean())
                for name, place in self._places.items()
            },
            radius_precision=radius,
            curve=() if within is None else tuple((float(a), float(b)) for a, b in within.T),
            no_hits=int(np.count_nonzero(hits[:, -1] == 0)),
            knn=knn,
        )
