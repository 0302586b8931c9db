"""What the losses of a run say while it trains: nan, a dead class, no learning."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ssdh_surgery.engines import events
from ssdh_surgery.engines.caffe_binary.evidence import is_saturated
from ssdh_surgery.pipeline.train.alarm import Alarm

# A loss is at chance if its mean over so many displays is this close to ln(classes), and each of
# them, which is the loss of one batch, is near it.
_AT_CHANCE = 0.02
_NEAR_CHANCE = 0.05
_DISPLAYS_AT_CHANCE = 5
# Nets need time to leave chance: this share of the run.
GRACE = 0.1
_NOTHING_LEARNED = "nothing is learned from here on; Ctrl-C stops the run"
_DEAD_CLASS = (
    "the true class has probability 0. Lower base_lr, and check the labels, the mean and the scale"
)
_CAUSES = (
    "the net learns nothing. Likely causes, in this order: the learning rate (try base_lr ten "
    "times lower, then higher), inputs without a mean and a scale, wrong labels, records that come "
    "class by class (ssdh data build --shuffle), layers without a weight_filler"
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
    """Judges the displays of a run, each loss on its own.

    Args:
        max_iter: the iteration at which the run ends, None if it is unknown.
        losses: the number of classes of each output that is a softmax loss.
    """

    def __init__(
        self, max_iter: int | None = None, losses: Mapping[str, int] | None = None
    ) -> None:
        self.bad_loss: BadLoss | None = None
        self._grace = (max_iter or 0) * GRACE
        self._losses = losses or {}
        self._display: events.Iteration | None = None
        self._terms: list[events.TrainOutput] = []
        self._near_chance: dict[str, list[float]] = {}

    def feed(self, event: events.Event) -> Iterator[Alarm]:
        """The alarms that an event gives rise to."""
        match event:
            case events.Iteration():
                yield from self._judge_display()
                self._display = event
            case events.TrainOutput():
                self._terms.append(event)
            case events.TestOutput():
                yield from self._judge_display()
                if self._is_loss(event):
                    yield from _saturation(event.iteration, [(event.name, event.value)], "test ")
            case _:
                yield from self._judge_display()

    def _judge_display(self) -> Iterator[Alarm]:
        """Judge a display, once all outputs of the iteration have arrived."""
        display, terms = self._display, self._terms
        self._display, self._terms = None, []
        if display is None:
            return
        values: list[tuple[str | None, float]] = [
            (term.name, term.value) for term in terms if self._is_loss(term)
        ]
        values.append((None, display.loss))
        yield from self._judge_finite(display.iteration, values)
        yield from _saturation(display.iteration, values)
        for term in terms:
            if term.loss_weight:
                yield from self._judge_chance(display.iteration, term.name, term.value)

    def _is_loss(self, output: events.NetOutput) -> bool:
        """Whether an output is a loss, be it one that is only displayed: of weight 0."""
        return bool(output.loss_weight) or output.name in self._losses

    def _judge_finite(
        self, iteration: int, values: list[tuple[str | None, float]]
    ) -> Iterator[Alarm]:
        bad = next(((name, value) for name, value in values if not math.isfinite(value)), None)
        earlier = self.bad_loss
        if bad is None:
            self.bad_loss = None
        elif earlier is not None:
            self.bad_loss = BadLoss(
                earlier.iteration, earlier.value, earlier.output, earlier.displays + 1
            )
        else:
            self.bad_loss = BadLoss(iteration, bad[1], bad[0])
            yield Alarm("nan", f"{self.bad_loss}: {_NOTHING_LEARNED}", iteration, bad[0])

    def _judge_chance(self, iteration: int, name: str, value: float) -> Iterator[Alarm]:
        """Whether a softmax loss stays at what guessing gives, ln(classes)."""
        classes = self._losses.get(name, 0)
        if classes < 2 or iteration < self._grace:
            return
        chance = math.log(classes)
        is_near = abs(value - chance) < _NEAR_CHANCE * chance
        lately = [*self._near_chance.get(name, []), value] if is_near else []
        self._near_chance[name] = lately = lately[-_DISPLAYS_AT_CHANCE:]
        if len(lately) < _DISPLAYS_AT_CHANCE:
            return
        mean = sum(lately) / len(lately)
        if abs(mean - chance) < _AT_CHANCE * chance:
            yield Alarm(
                "chance",
                f"iteration {iteration}: the loss '{name}' has stayed at {mean:.4g}, which is "
                f"chance for {classes} classes: {_CAUSES}",
                iteration,
                name,
            )


def _saturation(
    iteration: int, values: list[tuple[str | None, float]], phase: str = ""
) -> Iterator[Alarm]:
    """The first loss that is that of a probability of 0; the total of one such is another."""
    for name, value in values:
        if is_saturated(value):
            words = f"iteration {iteration}: the {phase}loss{_quoted(name)} is stuck at 87.3365"
            yield Alarm("saturation", f"{words}: {_DEAD_CLASS}", iteration, name)
            return


def _quoted(output: str | None) -> str:
    return f" '{output}'" if output else ""
