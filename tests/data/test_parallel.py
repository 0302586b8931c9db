"""Work ahead: in order, bounded, and stopped when nobody wants more."""

from __future__ import annotations

import threading
import time

import pytest

from ssdh_surgery.data.parallel import parallel_map


def test_results_come_in_order() -> None:
    def work(item: int) -> int:
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(parallel_map(work, range(30), 4)) == [item * item for item in range(30)]


def test_no_more_is_taken_than_is_wanted() -> None:
    taken: list[int] = []

    def items():  # type: ignore[no-untyped-def]
        for item in range(1000):
            taken.append(item)
            yield item

    results = parallel_map(lambda item: item, items(), 3)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert len(taken) <= 5 + 2 * 3 + 1
    results.close()


def test_what_is_raised_is_raised_in_its_turn() -> None:
    def work(item: int) -> float:
        return 1 / (3 - item)

    results = parallel_map(work, range(9), 2)
    assert [next(results) for _ in range(3)] == [1 / 3, 1 / 2, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
