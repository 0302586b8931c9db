"""Whether a run waits for its data more than it trains."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.train.alarm import Alarm

# The embedded engine reports displays between which it waited for half of the time.
_DISPLAYS = 3
# Of caffe's iterations so many have waited, in at least so many iterations.
_WAITS = 0.5
_ITERATIONS = 1000
# Nobody minds a short run.
_SECONDS = 60.0


class WaitWatch:
    """Judges how often a run waits for data."""

    def __init__(self) -> None:
        self._displays = 0
        self._batches = 0
        self._first: tuple[int, float] | None = None
        self._iteration = 0

    def feed(self, event: events.Event) -> Iterator[Alarm]:
        """The alarms that an event gives rise to."""
        match event:
            case events.Iteration():
                self._iteration = event.iteration
            case events.DataWait():
                self._first = self._first or (self._iteration, event.elapsed)
                words = self._judge(event, self._iteration - self._first[0])
                if words and event.elapsed - self._first[1] >= _SECONDS:
                    yield self._alarm(words)
            case _:
                pass

    def _judge(self, event: events.DataWait, iterations: int) -> str | None:
        """How long the net waited, in words, if it was long."""
        if event.share is not None:
            self._displays += 1
            share = f"waited for its data {event.share:.0%} of the time since the last display"
            return share if self._displays >= _DISPLAYS else None
        self._batches += event.batches or 0
        if iterations < _ITERATIONS or self._batches < _WAITS * iterations:
            return None
        return f"waited for its data about {self._batches:,} times in {iterations:,} iterations"

    def _alarm(self, words: str) -> Alarm:
        return Alarm(
            "waiting",
            f"iteration {self._iteration}: the net {words}: reading is slower than training. An "
            "LMDB instead of a list of images, smaller records ('ssdh data build --resize'), or a "
            "faster disk helps",
            self._iteration,
        )
