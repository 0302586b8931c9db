"""A parallel map over threads that yields results in order and works only a little ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def processors() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads() -> int:
    """One more than the available processors, since the consumer waits for the disk."""
    return processors() + 1


def parallel_map(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """`map(work, items)` over threads, with at most two items per thread in progress.

    An exception of `work` is raised in its turn. If the iteration ends early, pending items are
    cancelled and running ones are waited for.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="parallel_map") as pool:
        in_progress: deque[Future[Result]] = deque()
        try:
            for item in items:
                in_progress.append(pool.submit(work, item))
                if len(in_progress) > 2 * threads:
                    yield in_progress.popleft().result()
            while in_progress:
                yield in_progress.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
