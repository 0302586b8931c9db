"""What the tests of a run say while it trains: one class for all, or test data of another kind."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence

from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.train.alarm import Alarm
from ssdh_surgery.pipeline.train.loss_watch import GRACE

# Accuracies are equal to four digits.
_EQUAL = 1e-4
_EQUAL_TESTS = 3
# An accuracy that is the share of a class needs no third test.
_EQUAL_TO_A_SHARE = 2
# Of a net that learns, equal accuracies below this multiple of 1/classes are no coincidence.
_LOW = 1.5
# At chance is what is below this multiple of 1/classes, while the loss of training has fallen to
# this share of ln(classes) in all of the last displays.
_AT_CHANCE = 1.2
_FALLEN = 0.5
_DISPLAYS = 3
_TESTS_AT_CHANCE = 3


class AccuracyWatch:
    """Judges the tests of a run, each output on its own.

    Args:
        max_iter: the iteration at which the run ends, None if it is unknown.
        accuracies: the number of classes of each output that is an accuracy.
        losses: the number of classes of each output that is a softmax loss.
        shares: the shares of the classes in the data of the test nets, if they are known.
    """

    def __init__(
        self,
        max_iter: int | None = None,
        accuracies: Mapping[str, int] | None = None,
        losses: Mapping[str, int] | None = None,
        shares: Sequence[float] = (),
    ) -> None:
        self._grace = (max_iter or 0) * GRACE
        self._accuracies = accuracies or {}
        self._losses = losses or {}
        self._shares = shares
        self._equal: dict[tuple[int, str], tuple[float, int]] = {}
        self._at_chance: Counter[tuple[int, str]] = Counter()
        self._lately: dict[str, deque[float]] = {}

    def feed(self, event: events.Event) -> Iterator[Alarm]:
        """The alarms that an event gives rise to."""
        if isinstance(event, events.TrainOutput) and event.name in self._losses:
            self._lately.setdefault(event.name, deque(maxlen=_DISPLAYS)).append(event.value)
        # Before the first iteration, no net knows anything.
        if not isinstance(event, events.TestOutput) or not event.iteration:
            return
        if not math.isfinite(event.value):
            place = f"iteration {event.iteration}: the test output '{event.name}'"
            yield Alarm("nan", f"{place} is {event.value:g}", event.iteration, event.name)
        elif classes := self._accuracies.get(event.name, 0):
            loss = next((name for name, each in self._losses.items() if each == classes), None)
            lately = self._lately.get(loss or "", deque())
            is_learning = len(lately) == _DISPLAYS and max(lately) < _FALLEN * math.log(classes)
            if not is_learning:
                yield from self._judge_equal(event, classes)
            yield from self._judge_chance(
                event, classes, f"'{loss}' fell to {lately[-1]:.4g}" if is_learning else None
            )

    def _judge_equal(self, output: events.TestOutput, classes: int) -> Iterator[Alarm]:
        """Whether an accuracy does not move, as that of a net which knows one class only."""
        key = output.net, output.name
        value, count = self._equal.get(key, (output.value, 0))
        count = count + 1 if abs(value - output.value) < _EQUAL else 1
        self._equal[key] = output.value, count
        is_share = output.value < 1 and any(
            abs(share - output.value) < _EQUAL for share in self._shares
        )
        if count >= _EQUAL_TO_A_SHARE and is_share:
            yield self._equal_alarm(output, count, ", the share of one class of the test data")
        elif count >= _EQUAL_TESTS and output.value * classes < _LOW:
            yield self._equal_alarm(output, count, "")

    def _equal_alarm(self, output: events.TestOutput, count: int, share: str) -> Alarm:
        return Alarm(
            "accuracy",
            f"iteration {output.iteration}: the test output '{output.name}' was {output.value:.4g} "
            f"in {count} tests{share}: every test image seems to get the same class. Check the "
            "learning rate, the mean and the scale of the test data, and the statistics of "
            "BatchNorm",
            output.iteration,
            output.name,
        )

    def _judge_chance(
        self, output: events.TestOutput, classes: int, fall: str | None
    ) -> Iterator[Alarm]:
        """Whether a net knows nothing of the test data; `fall` is that of its loss, if any."""
        key = output.net, output.name
        is_at_chance = output.value * classes < _AT_CHANCE and output.iteration >= self._grace
        self._at_chance[key] = self._at_chance[key] + 1 if fall and is_at_chance else 0
        if self._at_chance[key] == _TESTS_AT_CHANCE:
            yield Alarm(
                "test-data",
                f"iteration {output.iteration}: the loss {fall}, but the test output "
                f"'{output.name}' is {output.value:.4g}, no better than chance for {classes} "
                "classes: the net knows nothing of the test data. Check that both sets number "
                "their classes alike, have the same mean, scale and crop, and that BatchNorm uses "
                "its global statistics in the test net (ssdh check)",
                output.iteration,
                output.name,
            )
