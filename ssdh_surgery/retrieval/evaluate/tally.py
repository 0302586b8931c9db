"""The measures of a ranking, and the tally that they are computed from, query by query."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.retrieval.evaluate.compiled import in_thread
from ssdh_surgery.retrieval.evaluate.protocol import Protocol

if TYPE_CHECKING:
    from ssdh_surgery.retrieval.evaluate.votes import Labels, Vote

# None is the whole database.
Cutoff = int | None
_ALL = slice(None)


@dataclass(frozen=True)
class ClassMeasures:
    """The figures of the queries of one class, as in `Measures`.

    A query with several labels counts for each of them. `queries` is their number.
    """

    label: int
    queries: int
    map: dict[str, float]
    precision: dict[str, float]
    knn: dict[str, float]


@dataclass(frozen=True)
class Measures:
    """The figures of an evaluation; keys of `map` and `precision` are cut-offs as text.

    `radius_precision` is the precision within the protocol's Hamming radius and `curve` has
    (precision, recall) within each radius from 0 on, averaged over queries; None and empty
    for features. `no_hits` counts the queries without a relevant item. `knn` is the share of
    queries that get their own label by the vote of the k nearest, by k as text: empty where
    items have several labels, and with expected ties, which leave no order. `classes` has the
    figures of the queries of each class; empty for features.
    """

    map: dict[str, float]
    precision: dict[str, float]
    radius_precision: float | None
    curve: tuple[tuple[float, float], ...]
    no_hits: int
    knn: dict[str, float]
    classes: tuple[ClassMeasures, ...] = ()


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

    def measures(self, vote: Vote, labels: Labels | None = None) -> Measures:
        """The measures of all queries so far.

        Args:
            vote: of the same queries.
            labels: of the queries, [Q] or [Q, C]; None for no figures of classes.
        """
        within = np.concatenate(self._within).mean(0) if self._within else None
        radius = None
        if within is not None:
            radius = float(within[0, min(self.protocol.radius, within.shape[1] - 1)])
        parts = self._parts()
        return Measures(
            map=self._map(parts, _ALL),
            precision=self._precision(parts, _ALL),
            radius_precision=radius,
            curve=() if within is None else tuple((float(a), float(b)) for a, b in within.T),
            no_hits=int(np.count_nonzero(parts.hits[:, -1] == 0)),
            knn=vote.shares(),
            classes=tuple(
                ClassMeasures(
                    label,
                    len(queries),
                    self._map(parts, queries),
                    self._precision(parts, queries),
                    vote.shares(queries),
                )
                for label, queries in ([] if labels is None else queries_by_class(labels))
            ),
        )

    def _parts(self) -> _Parts:
        weights = np.concatenate(self._counted)
        if self.protocol.no_hits == "zero":
            weights = np.ones_like(weights)
        return _Parts(np.concatenate(self._precisions), weights, np.concatenate(self._hits))

    def _map(self, parts: _Parts, queries: NDArray[np.int64] | slice) -> dict[str, float]:
        """Mean average precision of some queries."""
        # Summed exactly, so that no figure depends on the order of the queries.
        return {
            name: _ratio(parts.precisions[queries, column], parts.weights[queries, column])
            for name, column in zip(self._names, self._columns(self._cutoffs), strict=True)
        }

    def _precision(self, parts: _Parts, queries: NDArray[np.int64] | slice) -> dict[str, float]:
        """Precision of some queries among the first items."""
        columns = self._columns(self._places.values())
        return {
            name: float((parts.hits[queries, column] / place).mean())
            for (name, place), column in zip(self._places.items(), columns, strict=True)
        }

    def _columns(self, ranks: Iterable[int]) -> list[int]:
        columns: list[int] = np.searchsorted(self.ranks, list(ranks)).tolist()
        return columns


class _Parts(NamedTuple):
    """What the figures are computed from, [Q, ranks] each."""

    precisions: NDArray[np.float64]
    weights: NDArray[np.float64]
    hits: NDArray[np.float64]


def queries_by_class(labels: Labels) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each label [Q] or column of labels [Q, C] that a query has, with its queries."""
    if labels.ndim == 2:
        for column in np.flatnonzero(labels.any(0)).tolist():
            yield column, np.flatnonzero(labels[:, column])
        return
    names, first = np.unique(np.sort(labels), return_index=True)
    order = np.argsort(labels, kind="stable")
    yield from zip(names.tolist(), np.split(order, first[1:]), strict=True)
