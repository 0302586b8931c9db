"""What the learning rate of a run says while it trains: that it is 0, or no number."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.train.alarm import Alarm

# A schedule may begin at 0.
_DISPLAYS = 2


class RateWatch:
    """Judges the learning rate of each display; `max_iter` is where the run ends, if known."""

    def __init__(self, max_iter: int | None = None) -> None:
        self._max_iter = max_iter or math.inf
        self._zeros: list[int] = []

    def feed(self, event: events.Event) -> Iterator[Alarm]:
        """The alarms that an event gives rise to."""
        if not isinstance(event, events.LearningRate):
            return
        if not math.isfinite(event.rate):
            yield self._alarm(event, f"is {event.rate:g} at iteration {event.iteration}")
        is_zero = event.rate == 0 and event.iteration < self._max_iter
        self._zeros = [*self._zeros[:1], event.iteration] if is_zero else []
        if len(self._zeros) >= _DISPLAYS:
            yield self._alarm(event, f"is 0 since iteration {self._zeros[0]}")

    def _alarm(self, event: events.LearningRate, state: str) -> Alarm:
        return Alarm(
            "rate",
            f"the learning rate {state}: the weights no longer change. Check gamma, power and "
            "stepsize of the solver",
            event.iteration,
        )
