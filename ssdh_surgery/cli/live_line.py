"""A line that tells how far some work is: moving in a terminal, elsewhere written now and then."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

from ssdh_surgery.cli import terminal

if TYPE_CHECKING:
    from rich.status import Status

# Where no line can move, so many seconds pass before the next is written.
_SECONDS_BETWEEN_LINES = 10.0


class LiveLine:
    """Shows the latest of what it is told; a context manager that takes its line away.

    What is said meanwhile stands above the line. A terminal shows something new after `every`
    seconds at the soonest.
    """

    def __init__(self, every: float = 0.0) -> None:
        self.is_live = sys.stderr.isatty()
        self._pause = every if self.is_live else _SECONDS_BETWEEN_LINES
        self._shown = -float("inf")
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        terminal.keep_below(None)
        if self._status is not None:
            self._status.stop()

    @property
    def is_due(self) -> bool:
        """Whether the last line has been seen for long enough."""
        return time.monotonic() - self._shown >= self._pause

    def show(self, text: str) -> None:
        """Show a line now, in the place of the last."""
        self._shown = time.monotonic()
        if terminal.is_quiet():
            return
        if not self.is_live:
            terminal.say(text)
            return
        from rich.console import Console
        from rich.status import Status
        from rich.text import Text

        if self._status is None:
            self._status = Status("", console=Console(stderr=True))
            self._status.start()
            terminal.keep_below(self._status)
        self._status.update(Text(text))


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(45), duration(720), duration(12000), duration(187200)
    ('45 s', '12 min', '3 h 20 min', '2 d 4 h')
    """
    seconds = int(seconds)
    if seconds < 120:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


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
