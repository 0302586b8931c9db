"""What the outputs of a net say about a run while it trains: nan, a dead class, no learning."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ssdh_surgery.engines import events
from ssdh_surgery.engines.caffe_binary.evidence import is_saturated

# A loss this close to ln(classes), at so many displays in a row, is at chance.
_AT_CHANCE = 0.02
_DISPLAYS_AT_CHANCE = 5
# Nets need time to leave chance: this share of the run.
_GRACE = 0.1
# An accuracy below this multiple of 1/classes that is the same at so many tests.
_LOW_ACCURACY = 1.5
_EQUAL_TESTS = 3
_NOTHING_LEARNED = "nothing is learned from here on; Ctrl-C stops the run"
_DEAD_CLASS = (
    "the true class has probability 0. Lower base_lr, and check the labels, the mean and the scale"
)
_CAUSES = (
    "the net learns nothing. Check the learning rate, scale and mean of the data, labels, "
    "the order of the records, fillers"
)


@dataclass(frozen=True)
class BadLoss:
    """A loss that is nan or infinite at each display from an iteration on; None for the total."""

    iteration: int
    value: float
    output: str | None
    displays: int = 1

    def __str__(self) -> str:
        return f"the loss{_quoted(self.output)} became {self.value:g} by iteration {self.iteration}"


class LossWatch:
    """Judges the displays and tests of a run, and says each thing once.

    Args:
        max_iter: the iteration at which the run ends, None if it is unknown.
        losses: the number of classes of each output that is a softmax loss.
        accuracies: the number of classes of each output that is an accuracy.
    """

    def __init__(
        self,
        max_iter: int | None = None,
        losses: Mapping[str, int] | None = None,
        accuracies: Mapping[str, int] | None = None,
    ) -> None:
        self.bad_loss: BadLoss | None = None
        self._grace = (max_iter or 0) * _GRACE
        self._losses = losses or {}
        self._accuracies = accuracies or {}
        self._display: events.Iteration | None = None
        self._terms: list[events.TrainOutput] = []
        self._at_chance: Counter[str] = Counter()
        self._equal_tests: dict[str, tuple[float, int]] = {}
        self._subjects: set[str] = set()

    def feed(self, event: events.Event) -> Iterator[str]:
        """The warnings that an event gives rise to."""
        if not isinstance(event, events.TrainOutput):
            yield from self._judge_display()
        match event:
            case events.Iteration():
                self._display = event
            case events.TrainOutput():
                self._terms.append(event)
            case events.TestOutput():
                yield from self._judge_test(event)
            case _:
                pass

    def _judge_display(self) -> Iterator[str]:
        """Judge a display, once all outputs of the iteration have arrived."""
        display, terms = self._display, self._terms
        self._display, self._terms = None, []
        if display is None:
            return
        terms = [term for term in terms if term.loss_weight]
        named = [(term.name, term.value) for term in terms]
        values: list[tuple[str | None, float]] = [*named, (None, display.loss)]
        bad = next(((name, value) for name, value in values if not math.isfinite(value)), None)
        if bad is None:
            self.bad_loss = None
        elif self.bad_loss is not None:
            earlier = self.bad_loss
            self.bad_loss = BadLoss(
                earlier.iteration, earlier.value, earlier.output, earlier.displays + 1
            )
        else:
            self.bad_loss = BadLoss(display.iteration, bad[1], bad[0])
            yield from self._once("nan", f"{self.bad_loss}: {_NOTHING_LEARNED}")
        stuck = next((name for name, value in values if is_saturated(value)), "")
        if stuck != "":
            words = f"iteration {display.iteration}: the loss{_quoted(stuck)} is stuck at 87.3365"
            yield from self._once("saturated", f"{words}: {_DEAD_CLASS}")
        for name, value in named:
            yield from self._judge_chance(display.iteration, name, value)

    def _judge_chance(self, iteration: int, name: str, value: float) -> Iterator[str]:
        """Whether a softmax loss stays at what guessing gives, ln(classes)."""
        classes = self._losses.get(name, 0)
        if classes < 2 or iteration < self._grace:
            return
        chance = math.log(classes)
        is_at_chance = abs(value - chance) < _AT_CHANCE * chance
        self._at_chance[name] = self._at_chance[name] + 1 if is_at_chance else 0
        if self._at_chance[name] == _DISPLAYS_AT_CHANCE:
            yield from self._once(
                f"chance {name}",
                f"iteration {iteration}: the loss '{name}' has stayed at {value:.4g}, which is "
                f"chance for {classes} classes: {_CAUSES}",
            )

    def _judge_test(self, output: events.TestOutput) -> Iterator[str]:
        """Whether a test has outputs that are not finite, or accuracies that do not move."""
        place = f"iteration {output.iteration}: the test output '{output.name}'"
        if not math.isfinite(output.value) and self.bad_loss is None:
            yield from self._once("test nan", f"{place} is {output.value:g}")
        classes = self._accuracies.get(output.name, 0)
        # Before the first iteration, no net knows anything.
        if not classes or not output.iteration or output.value * classes >= _LOW_ACCURACY:
            self._equal_tests.pop(output.name, None)
            return
        value, count = self._equal_tests.get(output.name, (output.value, 0))
        count = count + 1 if abs(value - output.value) < 1e-4 else 1
        self._equal_tests[output.name] = output.value, count
        if count == _EQUAL_TESTS:
            yield from self._once(
                f"accuracy {output.name}",
                f"{place} was {output.value:.4g} in {count} tests: every image seems to get the "
                "same class",
            )

    def _once(self, subject: str, sentence: str) -> Iterator[str]:
        if subject not in self._subjects:
            self._subjects.add(subject)
            yield sentence


def _quoted(output: str | None) -> str:
    return f" '{output}'" if output else ""
