"""Chance that is counted: what is drawn for a record depends on its number and a seed alone.

So records can be read ahead in threads, shared out to processes and gone on from, and come
out as if one process had read them one after the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.transform import Chance

# Numbers that tell what is drawn apart: records, orders of passes, a start.
_RECORD, _ORDER, _START = range(3)


class CountedChance:
    """Chance from a seed of at least 0."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def record(self, number: int) -> Chance:
        """The chance of the record that is the `number`-th to be read, from 0 on."""
        state = np.random.SeedSequence((self.seed, _RECORD, number)).generate_state(3)
        return Chance(*state.tolist())

    def order(self, count: int, *which: int) -> NDArray[np.intp]:
        """A random order of `count` things; `which` tells it from others."""
        sequence = np.random.SeedSequence((self.seed, _ORDER, *which))
        return np.random.default_rng(sequence).permutation(count)

    def start(self, limit: int) -> int:
        """A number from 0 up to but not `limit`, to begin at."""
        sequence = np.random.SeedSequence((self.seed, _START))
        return int(np.random.default_rng(sequence).integers(limit))
