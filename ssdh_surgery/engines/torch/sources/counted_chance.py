"""Reproducible random draws: what is drawn for a record depends on its number and a seed alone.

So records can be read ahead in threads, divided among processes and resumed from, with the same
result as if one process had read them one after the other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.transform import Chance

# Keys of independent random streams: records, orders of passes, the start.
_RECORD, _ORDER, _START = range(3)


class CountedChance:
    """Random draws from a seed of at least 0."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def record(self, number: int) -> Chance:
        """The draws for the `number`-th record to be read, counting from 0."""
        state = np.random.SeedSequence((self.seed, _RECORD, number)).generate_state(3)
        return Chance(*state.tolist())

    def order(self, count: int, *key: int) -> NDArray[np.intp]:
        """A random order of `count` items; each `key` has its own."""
        sequence = np.random.SeedSequence((self.seed, _ORDER, *key))
        return np.random.default_rng(sequence).permutation(count)

    def start(self, limit: int) -> int:
        """A random start, from 0 to below `limit`."""
        sequence = np.random.SeedSequence((self.seed, _START))
        return int(np.random.default_rng(sequence).integers(limit))
