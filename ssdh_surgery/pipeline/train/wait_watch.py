"""Whether a run waits for its data more than it trains."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.train.alarm import Alarm

# The embedded engine reports displays between which it waited for half of the time.
_DISPLAYS = 3
# Of caffe's iterations so many have waited, in a run of at least this length.
_WAITS = 0.5
_ITERATIONS = 1000


class WaitWatch:
    """Judges how often a run waits for data."""

    def __init__(self) -> None:
        self._displays = 0
        self._batches = 0
        self._first: int | None = None
        self._iteration = 0

    def feed(self, event: events.Event) -> Iterator[Alarm]:
        """The alarms that an event gives rise to."""
        match event:
            case events.Iteration():
                self._iteration = event.iteration
            case events.DataWait(share=float(share)):
                self._displays += 1
                if self._displays == _DISPLAYS:
                    yield self._alarm(f"waited for its data for {share:.0%} of the last display")
            case events.DataWait(batches=int(batches)):
                self._first = self._iteration if self._first is None else self._first
                self._batches += batches
                iterations = self._iteration - self._first
                if iterations >= _ITERATIONS and self._batches >= _WAITS * iterations:
                    yield self._alarm(
                        f"waited for its data about {self._batches:,} times in {iterations:,} "
                        "iterations"
                    )
            case _:
                pass

    def _alarm(self, words: str) -> Alarm:
        return Alarm(
            "waiting",
            f"iteration {self._iteration}: the net {words}: reading is slower than training. An "
            "LMDB instead of a list of images, smaller records ('ssdh data build --resize'), or a "
            "faster disk helps",
            self._iteration,
        )
