"""What a person sees of a training run: the row of a terminal, and the lines of a pipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.progress import TrainingView
from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def view(clock: Clock, **settings: Any) -> TrainingView:
    terminal.configure(quiet=False, verbose=False, color="never")
    values = {"max_iter": 1000, "display": 100, "test_batches": (50,)} | settings
    return TrainingView(folder=Path(), clock=clock, **values)


def displayed(iteration: int, second: float, loss: float = 0.5) -> list[Event]:
    """The events of a display."""
    return [
        events.Iteration(iteration, loss, elapsed=second),
        events.LearningRate(iteration, 0.01, elapsed=second),
    ]


def a_test(iteration: int, second: float, **values: float) -> list[Event]:
    """The events of a test that takes ten seconds; the loss has a weight."""
    outputs = [
        events.TestOutput(
            iteration,
            index,
            name,
            value,
            loss_weight=1.0 if name.endswith(("loss", "loss3")) else None,
            elapsed=second + 10,
        )
        for index, (name, value) in enumerate(values.items())
    ]
    start = events.TestStart(iteration, elapsed=second)
    return [start, events.TestEnd(iteration, elapsed=second + 10), *outputs]


def feed(shown: TrainingView, clock: Clock, *steps: list[Event]) -> None:
    for step in steps:
        for event in step:
            clock.seconds = max(clock.seconds, event.elapsed)
            shown.show(event)


def test_the_row_moves_between_two_displays_but_not_beyond_the_next(clock: Clock) -> None:
    shown = view(clock)
    feed(shown, clock, displayed(0, 0.0), displayed(100, 10.0))
    numbers = []
    for second in (10.0, 12.5, 15.0, 60.0):
        clock.seconds = second
        numbers.append(shown.estimate)
    assert numbers == [100, 125, 150, 199]


def test_the_row_stands_still_while_the_net_is_tested(clock: Clock) -> None:
    shown = view(clock)
    feed(shown, clock, displayed(0, 0.0), displayed(100, 10.0), [events.TestStart(100)])
    clock.seconds = 15.0
    assert shown.estimate == 100
    assert "testing, 50 batches" in shown.row(80)
    feed(shown, clock, [events.TestEnd(100, elapsed=20.0), events.TestStart(100, elapsed=30.0)])
    assert "testing, 50 batches, 20 s expected" in shown.row(80)


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (57, "██░░░░░░ 250/1,000, loss 0.4321, 25 s, 75 s left, 10 it/s"),
        (77, "███░░░░░░░░░░ 250/1,000, loss 0.4321, accuracy 0.71, 25 s, 75 s left, 10 it/s"),
        (
            197,
            "██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 250/1,000, loss 0.4321, accuracy 0.71, "
            "25 s elapsed, 75 s left, codes: 2 of 48 bits dead, 10 it/s, lr 0.01",
        ),
    ],
    ids=["60 columns", "80 columns", "200 columns"],
)
def test_the_row_has_what_its_width_has_room_for(clock: Clock, width: int, row: str) -> None:
    shown = view(clock, display=50)
    feed(shown, clock, displayed(0, 0.0), displayed(250, 25.0, loss=0.4321))
    shown.tests["accuracy"] = events.TestOutput(250, 0, "accuracy", 0.71)
    shown.measured_health = "codes: 2 of 48 bits dead"
    assert shown.row(width) == row
    assert len(shown.row(width)) <= width


def test_in_a_pipe_a_line_per_display(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    shown = view(clock)
    with shown:
        feed(shown, clock, displayed(0, 0.0, 0.7), a_test(100, 1.0, accuracy=0.5, loss=0.6))
        feed(shown, clock, displayed(100, 20.0))
        feed(shown, clock, [events.TrainingEnd(elapsed=21.0)])
    assert capsys.readouterr().err.splitlines() == [
        "iteration 0 of 1000, loss 0.7, 0 s elapsed, lr 0.01",
        "iteration 100: test accuracy = 0.5, loss = 0.6",
        "iteration 100 of 1000, loss 0.5, 20 s elapsed, 3 min left, 5 it/s, lr 0.01, accuracy 0.5",
    ]


def test_the_last_line_is_where_the_run_ended(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = view(clock)
    with shown:
        feed(shown, clock, displayed(0, 0.0), displayed(900, 90.0))
        clock.seconds = 100.0
    assert shown.closing_line(1000) == (
        "iteration 1000 of 1000, loss 0.5 at iteration 900, 100 s elapsed, 10 it/s, lr 0.01"
    )
    assert shown.closing_line(900) is None  # it is printed already
    assert shown.closing_line(None) is None


def test_of_several_heads_the_main_one_and_the_rest_as_details(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"loss1/top-1": 0.4, "loss3/top-1": 0.6, "loss3/loss3": 1.5}
    main = frozenset(["loss3/top-1", "loss3/loss3"])
    shown = view(clock, main_outputs=main)
    with shown:
        feed(shown, clock, a_test(0, 0.0, **values))
    line = "iteration 0: test loss3/top-1 = 0.6, loss3/loss3 = 1.5\n"
    assert capsys.readouterr().err == line
    assert "loss3/top-1 0.6" in shown.row(200)
    assert "loss1" not in shown.row(200)
    shown = view(clock, main_outputs=main)
    terminal.configure(quiet=False, verbose=True, color="never")
    with shown:
        feed(shown, clock, a_test(0, 0.0, **values))
    assert capsys.readouterr().err == f"{line}iteration 0: test loss1/top-1 = 0.4\n"
