"""A training run as a person follows it: a live line in a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from typing import Any

from ssdh_surgery.cli import terminal
from ssdh_surgery.engines import events
from ssdh_surgery.engines.failure_evidence import loss_trouble
from ssdh_surgery.pipeline.code_health import code_health

# Without a terminal, one line in so many seconds; tests and snapshots always.
_SECONDS_BETWEEN_LINES = 10.0


class TrainingView:
    """Takes the events of a run and shows them; keeps what the summary needs."""

    def __init__(
        self, *, max_iter: int | None, test_batches: int | None, classes: int | None
    ) -> None:
        self.max_iter = max_iter
        self.test_batches = test_batches
        self.classes = classes
        self.iteration: events.Iteration | None = None
        self.learning_rate: float | None = None
        self.snapshot: events.Snapshot | None = None
        self.tests: dict[str, events.TestOutput] = {}
        self.terms: dict[str, events.TrainOutput] = {}
        self.first: events.Iteration | None = None
        self._test_began: float | None = None
        self._test_seconds: float | None = None
        self._shown = 0.0
        self._live: Any = None
        self._warned = False

    def __enter__(self) -> TrainingView:
        if sys.stderr.isatty() and not terminal.is_quiet():
            from rich.console import Console
            from rich.status import Status

            self._live = Status("starting", console=Console(stderr=True))
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, event: events.Event) -> None:
        """Take one event."""
        match event:
            case events.Iteration():
                self.first = self.first or event
                self.iteration = event
                self._update(event.elapsed)
                self._judge_loss(event)
            case events.TrainOutput():
                self.terms[event.name] = event
            case events.LearningRate():
                self.learning_rate = event.rate
            case events.TestStarted():
                self._test_began = event.elapsed
                self._live_line(self._testing())
            case events.TestFinished():
                if self._test_began is not None:
                    self._test_seconds = event.elapsed - self._test_began
            case events.TestOutput():
                self.tests[event.name] = event
                self._say(f"iteration {event.iteration}: test {event.name} = {event.value:.4g}")
            case events.Snapshot():
                self.snapshot = event
                self._say(f"snapshot {event.weights}")
            case events.Warned():
                self._pause(lambda: terminal.warn(event.message))
            case events.Stopping():
                words = (
                    "killing the engine"
                    if event.killed
                    else ("stopping with a snapshot; interrupt again to kill")
                )
                self._say(words)
            case _:
                pass

    def _judge_loss(self, event: events.Iteration) -> None:
        trouble = loss_trouble(event.loss)
        health = code_health(self.terms, self.classes)
        if not trouble and health and health.collapsed:
            trouble = health.words
        if trouble and not self._warned:
            self._warned = True
            self._pause(lambda: terminal.warn(f"iteration {event.iteration}: {trouble}"))

    def _testing(self) -> str:
        batches = f", {self.test_batches} batches" if self.test_batches else ""
        expected = f", {_duration(self._test_seconds)} expected" if self._test_seconds else ""
        return f"testing{batches}{expected}"

    def _update(self, elapsed: float) -> None:
        line = self.line()
        if self._live is not None:
            self._live_line(line)
        elif time.monotonic() - self._shown >= _SECONDS_BETWEEN_LINES:
            self._shown = time.monotonic()
            terminal.say(line)

    def line(self) -> str:
        """Where the run is: iteration, loss, rate, time left, learning rate, accuracy, codes."""
        at = self.iteration
        if at is None:
            return "starting"
        parts = [f"iteration {at.iteration}" + (f" of {self.max_iter}" if self.max_iter else "")]
        parts.append(f"loss {at.loss:.4g}")
        rate = self._rate()
        if rate:
            parts.append(f"{rate:.3g} it/s")
            if self.max_iter and self.max_iter > at.iteration:
                parts.append(f"{_duration((self.max_iter - at.iteration) / rate)} left")
        if self.learning_rate is not None:
            parts.append(f"lr {self.learning_rate:.3g}")
        parts += [
            f"{name} {test.value:.4g}"
            for name, test in self.tests.items()
            if test.loss_weight is None
        ]
        health = code_health(self.terms, self.classes)
        if health:
            parts.append(health.words)
        return ", ".join(parts)

    def _rate(self) -> float | None:
        at, first = self.iteration, self.first
        if at is None or at.rate:
            return at.rate if at else None
        if first is None or at.elapsed <= first.elapsed:
            return None
        return (at.iteration - first.iteration) / (at.elapsed - first.elapsed)

    def _live_line(self, text: str) -> None:
        if self._live is not None:
            self._live.update(text)

    def _say(self, text: str) -> None:
        self._pause(lambda: terminal.say(text))

    def _pause(self, write: Any) -> None:
        """Write a line that stays, above the one that moves."""
        if self._live is None:
            write()
            return
        self._live.stop()
        write()
        self._live.start()


def _duration(seconds: float) -> str:
    """A time as people say it: 45 s, 12 min, 3 h 20 min, 2 d 4 h."""
    seconds = int(seconds)
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
