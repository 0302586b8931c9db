"""Prefetches batches in threads: one reads records in order, others decode and transform them.

The records of a source are numbered from 0 without end, pass after pass; the position of a
source is the number of its next record.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.sources.counted_chance import CountedChance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

# The number of batches that are kept ready, as in Caffe.
PREFETCH = 4

# Pieces of a batch per thread, so that all threads finish at about the same time.
_PIECES = 4


@dataclass(frozen=True)
class BatchRecord:
    """A record of a batch: a name to find it by, its label if it has one, and its work.

    `work` writes the record's values to its places: one array [1, ...] per array of the batch.
    """

    name: str
    label: float | None
    work: Callable[[Sequence[Array]], None]


@dataclass(frozen=True)
class Reading:
    """The records of a batch, in order, and the shape of one record in each of its arrays."""

    shapes: Sequence[Shape]
    records: Sequence[BatchRecord]


class RecordReader(Protocol):
    """A kind of source: reads records by number.

    `shapes` are the shapes of one record in each array of a batch; `count` is the number of
    records in a pass.
    """

    shapes: Sequence[Shape]
    count: int

    def read(self, numbers: range) -> Reading:
        """Read records. Called by one thread at a time, mostly with ascending numbers."""
        ...

    def close(self) -> None:
        """Close files."""
        ...


@dataclass(frozen=True)
class ProcessShare:
    """The records of one process: those whose number modulo `size` is `rank`."""

    rank: int = 0
    size: int = 1


@dataclass(frozen=True)
class _Batch:
    arrays: list[Array]
    records: Sequence[BatchRecord]
    works: list[Future[None]]

    def wait(self) -> None:
        for work in self.works:
            work.result()


class PrefetchedSource:
    """The source of a data layer: batches of `batch_size` records, prefetched in threads.

    `chance` is that of the reader. Reading starts with the first `next`.
    """

    def __init__(
        self,
        reader: RecordReader,
        batch_size: int,
        chance: CountedChance,
        *,
        share: ProcessShare | None = None,
        threads: int = 1,
        prefetch: int = PREFETCH,
    ) -> None:
        self.reader = reader
        self.chance = chance
        self.shapes: Sequence[Shape] = [(batch_size, *shape) for shape in reader.shapes]
        self.wait_seconds = 0.0
        self.records: Sequence[BatchRecord] = ()
        self._batch_size = batch_size
        self._share = share or ProcessShare()
        self._threads = threads
        self._prefetch = prefetch
        self._position = 0
        self._next_position = 0
        self._pending: deque[Future[_Batch]] = deque()
        self._reader_pool: ThreadPoolExecutor | None = None
        self._worker_pool: ThreadPoolExecutor | None = None

    @property
    def position(self) -> int:
        """The number of the next record, counted over all processes from 0."""
        return self._position

    @property
    def step(self) -> int:
        """The number of positions that a batch advances."""
        return self._batch_size * self._share.size

    def seek(self, position: int) -> None:
        """Continue from a record; prefetched batches are discarded."""
        self._drop_pending()
        self._position = self._next_position = position

    def next(self) -> list[Array]:
        """The next batch, one array for each of `shapes`.

        It also sets `records` to the records of the batch, and adds the time spent waiting to
        `wait_seconds`.

        Raises:
            DataError: a record cannot be read, or has the wrong shape; names the record.
        """
        while len(self._pending) < self._prefetch:
            self._schedule()
        start = time.perf_counter()
        batch = self._pending.popleft().result()
        batch.wait()
        self.wait_seconds += time.perf_counter() - start
        self._position += self.step
        self.records = batch.records
        return batch.arrays

    def close(self) -> None:
        """Stop the threads and close the reader."""
        self._drop_pending()
        for pool in (self._reader_pool, self._worker_pool):
            if pool is not None:
                pool.shutdown()
        self._reader_pool = self._worker_pool = None
        self.reader.close()

    def _schedule(self) -> None:
        if self._reader_pool is None:
            self._reader_pool = ThreadPoolExecutor(1, "reading")
            self._worker_pool = ThreadPoolExecutor(self._threads, "decoding")
        first = self._next_position + self._share.rank
        self._next_position += self.step
        numbers = range(first, self._next_position, self._share.size)
        self._pending.append(self._reader_pool.submit(self._make, numbers))

    def _make(self, numbers: range) -> _Batch:
        assert self._worker_pool is not None
        reading = self.reader.read(numbers)
        arrays = [np.empty((len(numbers), *shape), np.float32) for shape in reading.shapes]
        size = -(-len(numbers) // (_PIECES * self._threads))
        works = [
            self._worker_pool.submit(
                _work, reading.records, arrays, range(len(numbers))[start : start + size]
            )
            for start in range(0, len(numbers), size)
        ]
        return _Batch(arrays, reading.records, works)

    def _drop_pending(self) -> None:
        for future in self._pending:
            future.cancel()
        for future in self._pending:
            if not future.cancelled():
                _settle(future)
        self._pending.clear()


def _work(records: Sequence[BatchRecord], arrays: Sequence[Array], places: range) -> None:
    for place in places:
        records[place].work([array[place : place + 1] for array in arrays])


def _settle(future: Future[_Batch]) -> None:
    """Wait until no thread works on a discarded batch any more."""
    if future.exception() is None:
        for work in future.result().works:
            work.cancel()
        for work in future.result().works:
            if not work.cancelled():
                work.exception()
