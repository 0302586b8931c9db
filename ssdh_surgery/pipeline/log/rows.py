"""The numbers in a log as rows: one for each iteration and output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event


class LogRow(NamedTuple):
    """A number of a run.

    Attributes:
        run: the number of the run.
        iteration: the iteration.
        phase: TRAIN or TEST.
        net: the number of the test net; None in TRAIN.
        output: the name of the output; `loss` also for the total loss.
        value: the number; for the total loss in TRAIN the mean over `average_loss` iterations.
        lr: the learning rate of the iteration in TRAIN, if it is logged.
        elapsed: seconds since the first line of the run; None in a log without times.
    """

    run: int
    iteration: int
    phase: Literal["TRAIN", "TEST"]
    net: int | None
    output: str
    value: float
    lr: float | None
    elapsed: float | None


class RowCollector:
    """Makes the rows of one run from its events.

    Those of an iteration wait for its learning rate, which is logged after them.
    """

    def __init__(self, run: int) -> None:
        self._run = run
        self._waiting: list[LogRow] = []
        self._rate: events.LearningRate | None = None

    def feed(self, event: Event, elapsed: float | None) -> Iterator[LogRow]:
        """The rows that are complete with the next event."""
        match event:
            case events.Iteration():
                yield from self.flush()
                self._wait(event.iteration, "loss", event.loss, elapsed)
            case events.TrainOutput():
                self._wait(event.iteration, event.name, event.value, elapsed)
            case events.LearningRate():
                is_next = self._waiting and self._waiting[0].iteration != event.iteration
                if is_next:  # Caffe before autumn 2014 logs the rate before the loss
                    yield from self.flush()
                self._rate = event
                yield from self.flush()
            case events.TestOutput():
                yield from self.flush()
                yield self._test_row(event, event.name, event.value, elapsed)
            case events.TestEnd():
                yield from self.flush()
                if event.loss is not None:
                    yield self._test_row(event, "loss", event.loss, elapsed)
            case events.TestStart() | events.TrainingEnd() | events.Snapshot():
                yield from self.flush()
            case _:
                pass

    def flush(self) -> Iterator[LogRow]:
        """The rows that wait for their learning rate, with it if it is known."""
        rows, self._waiting = self._waiting, []
        for row in rows:
            is_known = self._rate is not None and self._rate.iteration == row.iteration
            yield row._replace(lr=self._rate.rate) if self._rate and is_known else row

    def _wait(self, iteration: int, output: str, value: float, elapsed: float | None) -> None:
        row = LogRow(self._run, iteration, "TRAIN", None, output, value, None, elapsed)
        self._waiting.append(row)

    def _test_row(
        self,
        event: events.TestOutput | events.TestEnd,
        output: str,
        value: float,
        elapsed: float | None,
    ) -> LogRow:
        return LogRow(self._run, event.iteration, "TEST", event.net, output, value, None, elapsed)
