"""Mean average precision and its relatives, for codes and for real-valued features."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import of_extra
from ssdh_surgery.retrieval.codes.codes import (
    Codes,
    refuse_differing,
    refuse_empty,
    refuse_unlabelled,
)
from ssdh_surgery.retrieval.evaluate.protocol import Protocol

if TYPE_CHECKING:
    Labels = NDArray[np.int64] | NDArray[np.uint8]

Progress = Callable[[int, int], None]
# A cut-off that is None is the whole database.
Cutoff = int | None
# Queries at a time: their counts at each distance are what takes memory.
_CHUNK = 512
_FLOAT_CHUNK = 64


@dataclass(frozen=True)
class Measures:
    """What an evaluation found; keys of `map` and `precision` are cut-offs as text.

    `radius_precision` is the precision within the protocol's Hamming radius and `curve` has
    (precision, recall) within each radius from 0 on, averaged over queries; None and empty
    for features. `no_hits` counts the queries without any relevant item. `knn` is the share of
    queries that get their own label by the vote of the k nearest, by k as text: empty where
    items have several labels, and with expected ties, which leave no order to vote in.
    """

    map: dict[str, float]
    precision: dict[str, float]
    radius_precision: float | None
    curve: tuple[tuple[float, float], ...]
    no_hits: int
    knn: dict[str, float]


def evaluate(
    queries: Codes,
    database: Codes,
    protocol: Protocol,
    cutoffs: Sequence[Cutoff] = (None,),
    places: Sequence[int] = (),
    voters: Sequence[int] = (),
    progress: Progress | None = None,
) -> Measures:
    """Judge codes by Hamming ranking.

    Args:
        queries: each item searches the database.
        database: what is ranked.
        protocol: the definitions.
        cutoffs: mAP within so many items; None is all.
        places: precision among so many first items.
        voters: top-1 by the vote of so many nearest items.
        progress: told queries done and in all.

    Raises:
        DataError: a set is empty or has no labels, or the two cannot be compared.
        MissingExtra: numba is not installed.
    """
    refuse_unfit(queries, database)
    refuse_differing(queries, database)
    hamming = _compiled()
    tally = _Tally(protocol, len(database), cutoffs, places)
    order = _order(protocol, len(database))
    stored = hamming.words(database.packed[order] if order is not None else database.packed)
    labels = database.labels[order] if order is not None else database.labels
    is_multi = database.is_multi_label
    votes = _Votes(protocol, queries.labels, labels, voters)
    stored_labels = _label_words(labels)
    asked, asked_labels = hamming.words(queries.packed), _label_words(queries.labels)
    for part in _parts(len(queries), _CHUNK):
        ranked = _apart(
            hamming.rank_hits,
            asked[part],
            stored,
            asked_labels[part],
            stored_labels,
            is_multi,
            database.bits,
            tally.ranks,
            votes.wanted,
        )
        tally.take_counts(*ranked[:-1])
        votes.take(part, ranked[-1])
        if progress is not None:
            progress(part.stop, len(queries))
    return tally.measures(votes.shares())


def evaluate_features(
    queries: NDArray[np.float32],
    database: NDArray[np.float32],
    query_labels: Labels,
    database_labels: Labels,
    protocol: Protocol,
    cutoffs: Sequence[Cutoff] = (None,),
    places: Sequence[int] = (),
    voters: Sequence[int] = (),
) -> Measures:
    """Judge features [Q, D] and [N, D] by exact Euclidean ranking, ties in database order."""
    _compiled()
    from ssdh_surgery.retrieval.evaluate.hamming import add_up_ranked

    tally = _Tally(protocol, len(database), cutoffs, places)
    stored, asked = _label_words(database_labels), _label_words(query_labels)
    votes = _Votes(protocol, query_labels, database_labels, voters)
    squares = np.einsum("ij,ij->i", database, database)
    for part in _parts(len(queries), _FLOAT_CHUNK):
        # The query's own square is the same for all items and changes no order.
        distances = squares - 2 * (queries[part] @ database.T)
        order = np.argsort(distances, axis=1, kind="stable")
        is_multi = database_labels.ndim == 2
        ranks = order, asked[part], stored, is_multi, tally.ranks
        tally.take_sums(*_apart(add_up_ranked, *ranks))
        votes.take(part, order[:, : votes.wanted])
    return tally.measures(votes.shares())


def refuse_unfit(queries: Codes, database: Codes) -> None:
    """Refuse what cannot be judged.

    Raises:
        DataError: a set is empty, or items have no label.
    """
    for codes, role in ((queries, "query"), (database, "database")):
        refuse_empty(codes, role)
        refuse_unlabelled(codes, role)


def _compiled() -> Any:
    with of_extra("search", "evaluating codes"):
        from ssdh_surgery.retrieval.evaluate import hamming
    return hamming


def _apart(work: Callable[..., Any], *given: Any) -> Any:
    """What compiled code gives, run in a thread of its own.

    An interrupt in the main thread, where alone Python sees one, may crash it.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *given).result()


def _order(protocol: Protocol, count: int) -> NDArray[np.int64] | None:
    """The order of the database in which ties stand, None for its own."""
    if protocol.ties != "random":
        return None
    return np.random.default_rng(protocol.seed).permutation(count)


def _label_words(labels: Labels) -> NDArray[np.uint64]:
    """Labels as 64-bit words: one number each, or sets as bits."""
    if labels.ndim == 1:
        return np.ascontiguousarray(labels, np.int64).view(np.uint64)[:, None]
    packed = np.packbits(labels != 0, axis=1)
    padded = np.zeros((len(labels), -(-packed.shape[1] // 8) * 8), np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.uint64)


def _parts(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def _ratio(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    total = math.fsum(weights)
    return math.fsum(values) / total if total else 0.0


class _Tally:
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
        """Take queries by their sums of precisions and numbers of hits."""
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
        """Take queries that were ranked by distance, with their counts at each distance."""
        found, inside = relevant.cumsum(1), items.cumsum(1)
        whole = np.maximum(found[:, -1:], 1)
        self._within.append(np.stack([found / np.maximum(inside, 1), found / whole], 1))
        if self.protocol.ties != "expected":
            self.take_sums(sums, hits)
            return
        from ssdh_surgery.retrieval.evaluate.ties import expected

        precision, likely, none = _apart(
            expected, items, relevant, self.ranks, self.protocol.divisor == "hits"
        )
        self._precisions.append(precision)
        self._hits.append(likely)
        self._counted.append(1 - none)

    def measures(self, knn: dict[str, float]) -> Measures:
        """What all queries come to, with their shares of votes."""
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


class _Votes:
    """Counts the queries that get their own label by the vote of the nearest items.

    `wanted` is how many first items of a query it takes, 0 where there is nothing to vote on.
    """

    def __init__(
        self, protocol: Protocol, asked: Labels, stored: Labels, voters: Sequence[int]
    ) -> None:
        is_given = stored.ndim == 1 and protocol.ties != "expected"
        self._voters = tuple(voters) if is_given else ()
        self._asked, self._stored = asked, stored
        self._right = np.zeros(len(self._voters), np.int64)
        self.wanted = min(max(self._voters, default=0), len(stored))

    def take(self, part: slice, first: NDArray[np.int64]) -> None:
        """Take some queries by their first items [q, wanted], in the order of their ranks."""
        if self._voters:
            from ssdh_surgery.retrieval.evaluate.votes import vote

            won = _apart(vote, first, self._stored, self._voters)
            self._right += (won == self._asked[part, None]).sum(0)

    def shares(self) -> dict[str, float]:
        """The share of queries that were right, by the number of voters."""
        pairs = zip(self._voters, self._right, strict=True)
        return {str(count): int(right) / len(self._asked) for count, right in pairs}
