"""k-NN: the label that a query gets by the vote of the items that rank first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.retrieval.evaluate.compiled import in_thread
from ssdh_surgery.retrieval.evaluate.protocol import Protocol

Labels = NDArray[np.int64] | NDArray[np.uint8]
_ALL = slice(None)


class Vote:
    """Counts the queries that get their own label by the vote of the nearest items.

    `items` is the number of first items that it needs of a query, 0 if there is no vote: where
    items have several labels, and with expected ties, which leave no order.

    Args:
        protocol: the definitions.
        query_labels: [Q], or [Q, C].
        database_labels: [N], or [N, C].
        voters: numbers of items that vote.
    """

    def __init__(
        self,
        protocol: Protocol,
        query_labels: Labels,
        database_labels: Labels,
        voters: Sequence[int],
    ) -> None:
        has_vote = database_labels.ndim == 1 and protocol.ties != "expected"
        self._voters = tuple(voters) if has_vote else ()
        self._query_labels, self._labels = query_labels, database_labels
        self._right: list[NDArray[np.bool_]] = []  # [q, voters] each
        self.items = min(max(self._voters, default=0), len(database_labels))

    def take(self, part: slice, first: NDArray[np.int64]) -> None:
        """Take some queries by their first items [q, items], in the order of their ranks."""
        if self._voters:
            winners = in_thread(vote, first, self._labels, self._voters)
            self._right.append(winners == self._query_labels[part, None])

    def shares(self, queries: NDArray[np.int64] | slice = _ALL) -> dict[str, float]:
        """The share of some queries that were right, by the number of voters as text."""
        if not self._voters:
            return {}
        right = np.concatenate(self._right)[queries]
        counts = zip(self._voters, right.sum(0).tolist(), strict=True)
        return {str(count): total / len(right) for count, total in counts}


def vote(
    nearest: NDArray[np.int64], labels: NDArray[np.integer[Any]], counts: tuple[int, ...]
) -> NDArray[np.int64]:
    """The most frequent label among the first k items, for each k of `counts`, [Q, len(counts)].

    Among labels with equally many votes, the one whose first item ranks first wins.

    Args:
        nearest: the first items of the database for each query in the order of their ranks,
            [Q, K]; K is at least the largest k, or the whole database.
        labels: of the database's items, [N].
        counts: numbers k of items that vote.
    """
    names, classes = np.unique(labels, return_inverse=True)
    voters = classes[nearest]
    winners = np.empty((len(nearest), len(counts)), np.int64)
    for column, count in enumerate(counts):
        winners[:, column] = names[_winners(voters[:, :count], len(names))]
    return winners


@numba.njit(cache=True, parallel=True, nogil=True)
def _winners(voters: NDArray[np.int64], classes: int) -> Any:
    """The class with the most votes in each row; of equals, the one that comes first."""
    winners = np.empty(len(voters), np.int64)
    for row in numba.prange(len(voters)):
        votes = np.zeros(classes, np.int64)
        for voter in voters[row]:
            votes[voter] += 1
        best = voters[row, 0]
        for voter in voters[row]:
            if votes[voter] > votes[best]:
                best = voter
        winners[row] = best
    return winners
