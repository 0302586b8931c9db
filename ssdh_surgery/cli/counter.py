"""Progress of work on many items: count, rate and time left, once it takes over two seconds."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from ssdh_surgery.cli import terminal

_QUIET_SECONDS = 2.0
# A terminal's line moves; elsewhere a line is written now and then.
_SECONDS_BETWEEN = {True: 0.2, False: 10.0}


class Counter:
    """Shows how far some work is; a context manager that clears its line when it is left."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._is_live = sys.stderr.isatty()
        self._began = self._told = time.monotonic()
        self._first: int | None = None
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()

    def __call__(self, done: int, total: int | None) -> None:
        """Tell that so many of so many items are done (None: it is not known how many)."""
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now - self._began < _QUIET_SECONDS or now - self._told < _SECONDS_BETWEEN[self._is_live]:
            return
        self._told = now
        self._show(self._line(done, total, now - self._began))

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
                words += f", {_duration((total - done) / rate)} left"
        return words

    def _show(self, words: str) -> None:
        if terminal.is_quiet():
            return
        if not self._is_live:
            terminal.say(words)
            return
        sys.stderr.write("\r" + words.ljust(self._width))
        sys.stderr.flush()
        self._width = len(words)

    def _clear(self) -> None:
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()
            self._width = 0


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
