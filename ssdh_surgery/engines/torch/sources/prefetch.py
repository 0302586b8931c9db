"""Batches made ahead in threads: one reads the records in order, others decode and transform.

The records of a source are numbered from 0 on without an end, pass after pass; a source's
position is the number of the next one that it gives.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ssdh_surgery.engines.torch.layers.blob import Shape
from ssdh_surgery.engines.torch.sources.chance import CountedChance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

# Caffe's own number of batches that are kept ready.
AHEAD = 4

# Pieces of a batch for each thread: so that all are done at about the same time.
_PIECES = 4


@dataclass(frozen=True)
class Record:
    """A record of a batch: how a person finds it again, its label if it has one, its work.

    `work` writes the values of the record into its places: an array [1, ...] for each array
    of the batch.
    """

    name: str
    label: float | None
    work: Callable[[Sequence[Array]], None]


@dataclass(frozen=True)
class Reading:
    """The records of a batch, in order, and the shape of one record in each of its arrays."""

    shapes: Sequence[Shape]
    records: Sequence[Record]


class Reader(Protocol):
    """What a kind of source does: reads the records of the numbers that it is asked for.

    `shapes` are those of one record in each array of a batch; `count` is the number of
    records in a pass.
    """

    shapes: Sequence[Shape]
    count: int

    def read(self, numbers: range) -> Reading:
        """Read some records. Called by one thread at a time, mostly with ascending numbers."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


@dataclass(frozen=True)
class Share:
    """Which records a process takes: those whose number leaves the rest `rank` by `size`."""

    rank: int = 0
    size: int = 1


@dataclass(frozen=True)
class _Batch:
    arrays: list[Array]
    records: Sequence[Record]
    works: list[Future[None]]

    def wait(self) -> None:
        for work in self.works:
            work.result()


class PrefetchedSource:
    """A source of a data layer: batches of `batch_size` records, made ahead in threads.

    `chance` is its reader's. Reading begins with the first `next`.
    """

    def __init__(
        self,
        reader: Reader,
        batch_size: int,
        chance: CountedChance,
        *,
        share: Share | None = None,
        threads: int = 1,
        ahead: int = AHEAD,
    ) -> None:
        self.reader = reader
        self.chance = chance
        self.shapes: Sequence[Shape] = [(batch_size, *shape) for shape in reader.shapes]
        self.waited = 0.0
        self.records: Sequence[Record] = ()
        self._batch_size = batch_size
        self._share = share or Share()
        self._threads = threads
        self._ahead = ahead
        self._position = 0
        self._planned = 0
        self._pending: deque[Future[_Batch]] = deque()
        self._reading: ThreadPoolExecutor | None = None
        self._working: ThreadPoolExecutor | None = None

    @property
    def position(self) -> int:
        """The number of the next record of all processes' together, from 0 on."""
        return self._position

    @property
    def step(self) -> int:
        """By how much a batch moves the position on."""
        return self._batch_size * self._share.size

    def seek(self, position: int) -> None:
        """Go on from a record; what was made ahead is thrown away."""
        self._drop_pending()
        self._position = self._planned = position

    def next(self) -> list[Array]:
        """The next batch, one array for each of `shapes`.

        `records` are then the records in it, and `waited` has grown by the seconds that
        were spent waiting for them.

        Raises:
            DataError: a record cannot be read, or does not fit; it is named.
        """
        while len(self._pending) < self._ahead:
            self._plan()
        start = time.perf_counter()
        batch = self._pending.popleft().result()
        batch.wait()
        self.waited += time.perf_counter() - start
        self._position += self.step
        self.records = batch.records
        return batch.arrays

    def close(self) -> None:
        """Stop the threads and close the reader."""
        self._drop_pending()
        for pool in (self._reading, self._working):
            if pool is not None:
                pool.shutdown()
        self._reading = self._working = None
        self.reader.close()

    def _plan(self) -> None:
        if self._reading is None:
            self._reading = ThreadPoolExecutor(1, "reading")
            self._working = ThreadPoolExecutor(self._threads, "decoding")
        first = self._planned + self._share.rank
        self._planned += self.step
        numbers = range(first, self._planned, self._share.size)
        self._pending.append(self._reading.submit(self._make, numbers))

    def _make(self, numbers: range) -> _Batch:
        assert self._working is not None
        reading = self.reader.read(numbers)
        arrays = [np.empty((len(numbers), *shape), np.float32) for shape in reading.shapes]
        size = -(-len(numbers) // (_PIECES * self._threads))
        works = [
            self._working.submit(
                _work, reading.records, arrays, range(len(numbers))[at : at + size]
            )
            for at in range(0, len(numbers), size)
        ]
        return _Batch(arrays, reading.records, works)

    def _drop_pending(self) -> None:
        for future in self._pending:
            future.cancel()
        for future in self._pending:
            if not future.cancelled():
                _settle(future)
        self._pending.clear()


def _work(records: Sequence[Record], arrays: Sequence[Array], places: range) -> None:
    for place in places:
        records[place].work([array[place : place + 1] for array in arrays])


def _settle(future: Future[_Batch]) -> None:
    """Wait until nothing works on a batch that nobody wants any more."""
    if future.exception() is None:
        for work in future.result().works:
            work.cancel()
        for work in future.result().works:
            if not work.cancelled():
                work.exception()
