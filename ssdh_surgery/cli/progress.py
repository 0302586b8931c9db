"""The progress of a training run: a live line in a terminal, else a line now and then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.live_line import LiveLine, duration
from ssdh_surgery.engines import events
from ssdh_surgery.engines.caffe_binary.evidence import loss_trouble
from ssdh_surgery.pipeline.train.code_collapse import code_health


class TrainingView:
    """Shows the events of a run, and keeps those that the summary needs.

    Args:
        max_iter: the iteration at which the run ends.
        test_batches: the number of batches of each test net, as in `test_iter`.
        classes: the number of classes of the net.
    """

    def __init__(
        self, *, max_iter: int | None, test_batches: Sequence[int], classes: int | None
    ) -> None:
        self.max_iter = max_iter
        self.test_batches = test_batches
        self.classes = classes
        self.iteration: events.Iteration | None = None
        self.learning_rate: float | None = None
        self.snapshot: events.Snapshot | None = None
        self.tests: dict[str, events.TestOutput] = {}  # by the name that is shown
        self.terms: dict[str, events.TrainOutput] = {}
        self.first: events.Iteration | None = None
        self._test_began: float | None = None
        self._test_seconds: dict[int, float] = {}
        self._live = LiveLine()
        self._warned = False

    def __enter__(self) -> Self:
        self._live.__enter__()
        self._announce("starting")
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(*error)

    def show(self, event: events.Event) -> None:
        """Show one event."""
        match event:
            case events.Iteration():
                self.first = self.first or event
                self.iteration = event
                if self._live.is_due:
                    self._live.show(self.line())
                self._judge_loss(event)
            case events.TrainOutput():
                self.terms[event.name] = event
            case events.LearningRate():
                self.learning_rate = event.rate
            case events.TestStart():
                self._test_began = event.elapsed
                self._announce(self._testing(event.net))
            case events.TestEnd():
                if self._test_began is not None:
                    self._test_seconds[event.net] = event.elapsed - self._test_began
            case events.TestOutput():
                name = f"{self._of_net(event.net)}{event.name}"
                self.tests[name] = event
                terminal.say(f"iteration {event.iteration}: test {name} = {event.value:.4g}")
            case events.Snapshot():
                self.snapshot = event
                terminal.say(f"snapshot {event.weights}")
            case events.LogWarning():
                terminal.warn(event.message)
            case events.StopRequest():
                stopping = "stopping with a snapshot; interrupt again to kill"
                terminal.say("killing the engine" if event.is_killed else stopping)
            case _:
                pass

    def _judge_loss(self, event: events.Iteration) -> None:
        trouble = loss_trouble(event.loss)
        health = code_health(self.terms, self.classes)
        if not trouble and health and health.is_collapsed:
            trouble = health.words
        if trouble and not self._warned:
            self._warned = True
            terminal.warn(f"iteration {event.iteration}: {trouble}")

    def _testing(self, net: int) -> str:
        has_count = net < len(self.test_batches)
        batches = f", {self.test_batches[net]} batches" if has_count else ""
        seconds = self._test_seconds.get(net)
        expected = f", {duration(seconds)} expected" if seconds else ""
        return f"testing {self._of_net(net)}".rstrip() + f"{batches}{expected}"

    def _of_net(self, net: int) -> str:
        """The number of a test net, as Caffe counts them, if there are several."""
        return f"net #{net} " if len(self.test_batches) > 1 else ""

    def _announce(self, text: str) -> None:
        """Show what the run is doing, in a terminal only."""
        if self._live.is_live:
            self._live.show(text)

    def line(self) -> str:
        """The state of the run: iteration, loss, rate, time left, learning rate, accuracy, codes.

        Empty until a loss is logged, which never happens with a solver that has no `display`.
        """
        at = self.iteration
        if at is None:
            return ""
        parts = [f"iteration {at.iteration}" + (f" of {self.max_iter}" if self.max_iter else "")]
        parts.append(f"loss {at.loss:.4g}")
        rate = self._rate()
        if rate:
            parts.append(f"{rate:.3g} it/s")
            if self.max_iter and self.max_iter > at.iteration:
                parts.append(f"{duration((self.max_iter - at.iteration) / rate)} left")
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
