"""The vote of the nearest items: which label a query gets from those that rank first."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


def vote(
    nearest: NDArray[np.int64], labels: NDArray[np.integer[Any]], counts: tuple[int, ...]
) -> NDArray[np.int64]:
    """The label that most of the first k items have, for each k of `counts`, [Q, len(counts)].

    Of labels with equally many votes the one whose first item ranks first wins.

    Args:
        nearest: the first items of the database for each query in the order of their ranks,
            [Q, K]; K is at least the greatest k, or the whole database.
        labels: of the database's items, [N].
        counts: the numbers k of items that vote.
    """
    names, classes = np.unique(labels, return_inverse=True)
    voters = classes[nearest]
    won = np.empty((len(nearest), len(counts)), np.int64)
    for column, count in enumerate(counts):
        won[:, column] = names[_winners(voters[:, :count], len(names))]
    return won


@numba.njit(cache=True, parallel=True, nogil=True)
def _winners(voters: NDArray[np.int64], classes: int) -> Any:
    """The class with most votes in each row, of equals the one that comes first."""
    won = np.empty(len(voters), np.int64)
    for row in numba.prange(len(voters)):
        votes = np.zeros(classes, np.int64)
        for voter in voters[row]:
            votes[voter] += 1
        best = voters[row, 0]
        for voter in voters[row]:
            if votes[voter] > votes[best]:
                best = voter
        won[row] = best
    return won
