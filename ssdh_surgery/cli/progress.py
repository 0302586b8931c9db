"""The progress of a training run: a live row in a terminal, else a plain line per display."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Self

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.live_line import LiveLine, duration
from ssdh_surgery.cli.progress_bar import Part, progress_row
from ssdh_surgery.engines import events
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.pipeline.train.code_collapse import code_health
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

Clock = Callable[[], float]


class TrainingView:
    """Shows the events of a run, and keeps those that the summary needs.

    Args:
        folder: the directory that caffe runs in.
        max_iter: the iteration at which the run ends.
        display: the number of iterations from one display to the next, None if unknown.
        test_batches: the number of batches of each test net, as in `test_iter`.
        classes: the number of classes of the net.
        main_outputs: the outputs of the main head; others are details. None for no main head.
        clock: the time in seconds.
    """

    def __init__(
        self,
        *,
        folder: Path,
        max_iter: int | None,
        display: int | None = None,
        test_batches: Sequence[int] = (),
        classes: int | None = None,
        main_outputs: Collection[str] | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.max_iter = max_iter
        self._folder = folder
        self.test_batches = test_batches
        self.classes = classes
        self.iteration: events.Iteration | None = None
        self.learning_rate: float | None = None
        self.tests: dict[str, events.TestOutput] = {}  # by the name that is printed
        self.terms: dict[str, events.TrainOutput] = {}
        self.measured_health: str | None = None
        self.is_stopping = False
        self.is_early = False
        self._main_outputs = main_outputs
        self._display = display
        self._clock = clock
        self._began = clock()
        self._first: events.Iteration | None = None
        self._reached = 0  # the last iteration of an event, at the time below
        self._reached_at = self._began
        self._activity: str | None = "starting"
        self._test_began: float | None = None
        self._test_seconds: dict[int, float] = {}
        self._test_outputs: list[events.TestOutput] = []
        self._awaits_line = False
        self._printed: int | None = None
        self._live = LiveLine()

    def __enter__(self) -> Self:
        self._live.__enter__()
        self._live.draw(self.row)
        return self

    def __exit__(self, *error: object) -> None:
        self._flush_before(None)
        self._live.__exit__(*error)

    def show(self, event: events.Event) -> None:
        """Show one event."""
        self._flush_before(event)
        match event:
            case events.Iteration():
                self._first = self._first or event
                self.iteration = event
                self._awaits_line = True
                self._reach(event.iteration)
            case events.TrainOutput():
                self.terms[event.name] = event
            case events.LearningRate():
                self.learning_rate = event.rate
                self._flush_line()
            case events.TestStart():
                self._test_began = event.elapsed
                self._reach(event.iteration, self._testing(event.net))
            case events.TestEnd():
                if self._test_began is not None and not event.is_interrupted:
                    self._test_seconds[event.net] = event.elapsed - self._test_began
                self._reach(event.iteration)
            case events.TestOutput():
                self.tests[f"{self._of_net(event.net)}{event.name}"] = event
                self._test_outputs.append(event)
            case events.Snapshot():
                weights = relative_to_cwd(self._folder / event.weights)
                terminal.say(f"snapshot {path_in_shell(str(weights))}")
            case events.LogWarning():
                terminal.warn(event.message)
            case events.StopRequest():
                self._stop(event)
            case events.TrainingEnd():
                self.is_early = event.is_early
            case _:
                pass

    def _stop(self, event: events.StopRequest) -> None:
        stopping = "stopping with a snapshot; interrupt again to kill"
        terminal.say("killing the engine" if event.is_killed else stopping)
        self._activity, self.is_stopping = "stopping", True

    @contextlib.contextmanager
    def busy(self, activity: str) -> Iterator[None]:
        """Show what is done beside the training."""
        previous, self._activity = self._activity, activity
        try:
            yield
        finally:
            self._activity = previous

    # ------------------------------------------------------------ between two displays

    def _reach(self, iteration: int, activity: str | None = None) -> None:
        """Note the iteration that the run is at now, and what else it does than train."""
        self._reached, self._reached_at = iteration, self._clock()
        self._activity = activity

    @property
    def estimate(self) -> int:
        """The iteration that the run is probably at, counted on at its last rate."""
        rate = self._last_rate()
        if self._activity is not None or rate is None:
            return self._reached
        ahead = int(rate * (self._clock() - self._reached_at))
        if self._display:
            # The next display would have been logged.
            ahead = min(ahead, self._display - self._reached % self._display - 1)
        end = self.max_iter or self._reached + ahead
        return max(self._reached, min(self._reached + ahead, end))

    def _last_rate(self) -> float | None:
        at = self.iteration
        return at.rate if at and at.rate else self._mean_rate()

    def _mean_rate(self) -> float | None:
        """Iterations a second since the first display, with the tests in between."""
        at, first = self.iteration, self._first
        if at is None or first is None or at.elapsed <= first.elapsed:
            return at.rate if at else None
        return (at.iteration - first.iteration) / (at.elapsed - first.elapsed)

    def _seconds_left(self, iteration: int) -> float | None:
        rate = self._mean_rate()
        if not rate or not self.max_iter or self.max_iter <= iteration:
            return None
        return (self.max_iter - iteration) / rate

    def row(self, width: int) -> str:
        """The row of a terminal: a bar, the iteration, the loss, the time, the main figures."""
        iteration = self.estimate
        of = f"/{self.max_iter:,}" if self.max_iter else ""
        parts = [Part(f"{iteration:,}{of}")]
        if self._activity is not None:
            parts.append(Part(self._activity))
        elif self.iteration is not None:
            parts.append(Part(f"loss {self.iteration.loss:.4g}"))
        parts += [Part(text, 2) for text in self._accuracies()]
        elapsed = duration(self._clock() - self._began)
        left = self._seconds_left(iteration)
        remaining = f", {duration(left)} left" if left is not None else ""
        parts.append(Part(f"{elapsed} elapsed{remaining}", short=f"{elapsed}{remaining}"))
        parts += [Part(self.codes, 3)] if self.codes else []
        parts += [Part(text, 4) for text in self._speed()]
        return progress_row(iteration / self.max_iter if self.max_iter else 0, parts, width)

    # ------------------------------------------------------------ lines that stay

    def line(self, iteration: int | None = None) -> str:
        """The state of the run at its last display, or at an iteration after it.

        Iteration, loss, time elapsed and left, rate, learning rate, main accuracies and the
        health of the codes.
        """
        at = self.iteration
        if iteration is None:
            iteration = at.iteration if at else self._reached
        parts = [f"iteration {iteration}" + (f" of {self.max_iter}" if self.max_iter else "")]
        if at is not None:
            of_display = "" if at.iteration == iteration else f" at iteration {at.iteration}"
            parts.append(f"loss {at.loss:.4g}{of_display}")
        parts.append(f"{duration(self._clock() - self._began)} elapsed")
        left = self._seconds_left(iteration)
        parts += [f"{duration(left)} left"] if left is not None else []
        parts += [*self._speed(), *self._accuracies(), *([self.codes] if self.codes else [])]
        return ", ".join(parts)

    def closing_line(self, iteration: int | None) -> str | None:
        """The last line: where the run ended; None if it is printed already.

        Args:
            iteration: the iteration at which it ended, None if that is unknown.
        """
        if iteration is not None and iteration == self._printed:
            return None
        if iteration is None and (self.iteration is None or self._printed is not None):
            return None
        return self.line(iteration)

    def _accuracies(self) -> list[str]:
        tests = {name: test for name, test in self.tests.items() if test.loss_weight is None}
        main = {name: test for name, test in tests.items() if self._is_main(test)}
        return [f"{name} {test.value:.4g}" for name, test in (main or tests).items()]

    def _speed(self) -> list[str]:
        rate = self._last_rate()
        return [
            *([f"{rate:,.0f} it/s" if rate >= 100 else f"{rate:.3g} it/s"] if rate else []),
            *([f"lr {self.learning_rate:.3g}"] if self.learning_rate is not None else []),
        ]

    @property
    def codes(self) -> str | None:
        """The health of the codes: measured, else by the terms of the objective."""
        if self.measured_health is not None:
            return self.measured_health
        health = code_health(self.terms, self.classes)
        return health.words if health else None

    def _flush_before(self, event: events.Event | None) -> None:
        """Print what waited for more events of its kind."""
        if not isinstance(event, events.TestOutput):
            self._flush_tests()
        # The outputs and the learning rate of an iteration follow it.
        if not isinstance(event, events.TrainOutput | events.LearningRate):
            self._flush_line()

    def _flush_line(self) -> None:
        """Without a terminal, print the line of the last display once all of it has arrived."""
        if not self._awaits_line:
            return
        self._awaits_line = False
        if not self._live.is_live and self.iteration is not None:
            self._printed = self.iteration.iteration
            terminal.say(self.line())

    def _flush_tests(self) -> None:
        """Print the outputs of a test that has ended: the main head's, the others as details."""
        outputs, self._test_outputs = self._test_outputs, []
        if not outputs:
            return
        main = [output for output in outputs if self._is_main(output)]
        others = [output for output in outputs if output not in main]
        terminal.say(self._test_line(main or others))
        if main and others:
            terminal.detail(self._test_line(others))

    def _test_line(self, outputs: Sequence[events.TestOutput]) -> str:
        first = outputs[0]
        values = ", ".join(f"{output.name} = {output.value:.4g}" for output in outputs)
        return f"iteration {first.iteration}: test {self._of_net(first.net)}{values}"

    def _is_main(self, output: events.NetOutput) -> bool:
        return self._main_outputs is None or output.name in self._main_outputs

    def _testing(self, net: int) -> str:
        has_count = net < len(self.test_batches)
        batches = f", {self.test_batches[net]} batches" if has_count else ""
        seconds = self._test_seconds.get(net)
        expected = f", {duration(seconds)} expected" if seconds else ""
        return f"testing {self._of_net(net)}".rstrip() + f"{batches}{expected}"

    def _of_net(self, net: int) -> str:
        """The number of a test net, as Caffe counts them, if there are several."""
        return f"net #{net} " if len(self.test_batches) > 1 else ""
