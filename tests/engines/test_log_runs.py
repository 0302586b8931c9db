"""Which line of a log belongs to which run."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ssdh_surgery.engines import events
from ssdh_surgery.engines.log_runs import LogRuns


def line(message: str, thread: int = 100, tag: str = "", minute: int = 0) -> str:
    return f"{tag}I0410 10:{minute:02d}:00.000001   {thread} solver.cpp:1] {message}"


def losses(lines: Iterable[str]) -> dict[int, list[float]]:
    """The losses of each run, by its number."""
    runs = LogRuns()
    of_runs: dict[int, list[float]] = {}
    for text in lines:
        run, found = runs.feed(text)
        for event in found:
            if isinstance(event, events.Iteration):
                of_runs.setdefault(run.number, []).append(event.loss)
    return of_runs


def whole(thread: int, *values: float, end: str = "Optimization Done.") -> list[str]:
    """The log of a run."""
    return [
        line("Initializing solver from parameters: ", thread),
        line("Solving tiny", thread),
        *(line(f"Iteration {i * 10}, loss = {value}", thread) for i, value in enumerate(values)),
        line(end, thread),
        line(end, thread),  # by caffe.cpp
    ]


def test_runs_one_after_the_other() -> None:
    ended, killed = whole(100, 3, 2), whole(200, 1, 0.5)[:-2]
    assert losses(ended + killed + whole(300, 7)) == {1: [3, 2], 2: [1, 0.5], 3: [7]}


def test_the_same_thread_twice() -> None:
    assert losses(whole(100, 3, 2) + whole(100, 1)) == {1: [3, 2], 2: [1]}


def test_runs_that_failed_before_their_first_iteration() -> None:
    failed = [line("Initializing solver from parameters: "), "F" + line("Check failed: x")[1:]]
    assert losses(failed + failed + whole(100, 3)) == {3: [3]}


def test_two_solvers_at_once() -> None:
    one, two = whole(101, 3, 2, 1), whole(102, 6, 5, 4)
    mixed = [text for pair in zip(one, two, strict=True) for text in pair]
    assert losses(mixed) == {1: [3, 2, 1], 2: [6, 5, 4]}


def test_two_threads_without_their_starts() -> None:
    mixed = [line(f"Iteration {i}, loss = {t}", t) for i in range(3) for t in (101, 102)]
    assert losses(mixed) == {1: [101] * 3, 2: [102] * 3}


def test_ranks() -> None:
    messages = ["Solving x", *(f"Iteration {i}, loss = {{0}}" for i in range(3))]
    ranks = [f"[{rank}] {line(text.format(rank))}" for text in messages for rank in (0, 1)]
    assert losses(ranks) == {1: [0] * 3, 2: [1] * 3}


@pytest.mark.parametrize(
    "tags",
    [
        ("2026-04-10T02:30:3{0}.328800341Z stdout F ",) * 3,
        ("Apr 1{0} 10:00:00 node caffe[341]: ",) * 3,
        ("[  12{0}.345678] ",) * 3,
        ("caffe_1  | ",) * 3,
    ],
)
def test_times_and_names_before_the_lines_of_one_run(tags: tuple[str, ...]) -> None:
    lines = [line(f"Iteration {i}, loss = {i}", tag=tag.format(i)) for i, tag in enumerate(tags)]
    assert losses(lines) == {1: [0, 1, 2]}


def test_lines_without_a_prefix_start_again() -> None:
    bare = ["Iteration 0, loss = 3", "Iteration 10, loss = 2", "Iteration 0, loss = 5"]
    assert losses(bare) == {1: [3, 2], 2: [5]}


def test_the_rate_of_another_gpu_is_no_run() -> None:
    lines = [line("Iteration 0, loss = 3"), line("Iteration 0, lr = 0.1", 140)]
    runs = LogRuns()
    assert [run.number for run, _ in map(runs.feed, lines)] == [1, 1]


@pytest.mark.parametrize(
    ("last", "end"),
    [
        (line("Optimization Done."), "done"),
        (line("Optimization Done in 7s"), "done"),
        (line("Optimization stopped early."), "stopped"),
        ("F" + line("Check failed: x")[1:], "failed"),
        ("*** Aborted at 1796082405 (unix time) ***", "failed"),
        (line("Iteration 2, lr = 0.1"), "open"),
    ],
)
def test_how_a_run_ends(last: str, end: str) -> None:
    runs = LogRuns()
    for text in (line("Iteration 1, loss = 3"), last):
        runs.feed(text)
    assert [run.end for run in runs.runs] == [end]


def test_a_resumed_run_names_its_state() -> None:
    runs = LogRuns()
    first = whole(100, 3, end="Optimization stopped early.")
    resumed = [line("Initializing solver from", 200), line("Resuming from a.solverstate", 200)]
    for text in [*first, *resumed, line("Iteration 10, loss = 2", 200)]:
        runs.feed(text)
    assert [(run.end, run.resumed_from) for run in runs.runs] == [
        ("stopped", ""),
        ("open", "a.solverstate"),
    ]


def test_new_year_passes_in_an_appended_log() -> None:
    runs = LogRuns()
    stamps = ("1231 23:59:50.000000", "0101 00:00:10.000000")
    for i, stamp in enumerate(stamps):
        run, _ = runs.feed(f"I{stamp} 1 solver.cpp:1] Iteration {i}, loss = 2")
    assert run.parser.elapsed == 20
