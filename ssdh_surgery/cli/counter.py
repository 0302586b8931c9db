"""Progress of work on many items: count, rate and time left, once it takes over two seconds."""

from __future__ import annotations

import time

from ssdh_surgery.cli.live_line import LiveLine, duration

_QUIET_SECONDS = 2.0


class Counter(LiveLine):
    """Shows how far some work is; a context manager that clears its line when it is left."""

    def __init__(self, doing: str) -> None:
        super().__init__(every=0.2)
        self._doing = doing
        self._began = self._shown = time.monotonic()
        self._first: int | None = None

    def __call__(self, done: int, total: int | None) -> None:
        """Tell that so many of so many items are done (None: it is not known how many)."""
        if self._first is None:
            self._first = done
        seconds = time.monotonic() - self._began
        if seconds >= _QUIET_SECONDS and self.is_due:
            self.show(self._line(done, total, seconds))

    def named(self, doing: str, done: int, total: int | None) -> None:
        """As a call, for work of several parts; `doing` is the part."""
        if doing != self._doing:
            self._doing, self._first, self._began = doing, None, time.monotonic()
        self(done, total)

    def _line(self, done: int, total: int | None, seconds: float) -> str:
        rate = (done - (self._first or 0)) / seconds
        words = f"{self._doing}: {done:,}" + (f" of {total:,}" if total is not None else "")
        if rate:
            words += f", {rate:,.0f}/s" if rate >= 10 else f", {rate:.2g}/s"
            if total is not None:
                words += f", {duration((total - done) / rate)} left"
        return words
