"""A progress line: updated in place in a terminal, elsewhere printed now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.styles import safe

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.spinner import Spinner

# The text of a line of at most so many columns, asked for each time that it is drawn.
Drawing = Callable[[int], str]

# Outside a terminal, the least time between two printed lines.
_SECONDS_BETWEEN_LINES = 10.0
_IN_ASCII = str.maketrans("█░", "#.")
# In a terminal.
_DRAWINGS_A_SECOND = 5
# The columns of the spinner, and a free one at the end, where some terminals would wrap.
_MARGIN = 3
# Shorter work shows no count.
_QUIET_SECONDS = 2.0


class LiveLine:
    """Shows the latest text; a context manager that clears its line.

    Messages that are printed meanwhile go above the line. In a terminal it is drawn several
    times a second and never takes more than one row.

    Args:
        every: the least time between two updates in a terminal, in seconds.
    """

    def __init__(self, every: float = 0.0) -> None:
        self.is_live = sys.stderr.isatty()
        self._pause = every if self.is_live else _SECONDS_BETWEEN_LINES
        self._updated = -float("inf")
        self._live: Live | None = None
        self._row = _Row()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        terminal.set_footer(None)
        if self._live is not None:
            self._live.stop()

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next update."""
        return time.monotonic() - self._updated >= self._pause

    def show(self, text: str) -> None:
        """Replace the line now."""
        self._updated = time.monotonic()
        if terminal.is_quiet():
            return
        if not self.is_live:
            terminal.say(text)
            return
        self.draw(lambda _: text)

    def draw(self, drawing: Drawing) -> None:
        """Draw the line anew again and again, in a terminal only."""
        if terminal.is_quiet() or not self.is_live:
            return
        self._row.drawing = drawing
        if self._live is None:
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True, no_color=not terminal.is_colored(sys.stderr))
            self._live = Live(
                self._row, console=console, refresh_per_second=_DRAWINGS_A_SECOND, transient=True
            )
            self._live.start()
            terminal.set_footer(self._live)
        self._live.refresh()


class _Row:
    """What `rich` draws: a spinner and the text, cut to the width of the terminal."""

    def __init__(self) -> None:
        self.drawing: Drawing = lambda _: ""
        self._spinner: Spinner | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.spinner import Spinner
        from rich.text import Text

        self._spinner = self._spinner or Spinner("line" if options.ascii_only else "dots")
        frame = self._spinner.render(console.get_time())
        row = safe(f"{frame} {self.drawing(options.max_width - _MARGIN)}")
        text = Text(row.translate(_IN_ASCII) if options.ascii_only else row)
        text.truncate(options.max_width - 1, overflow="ellipsis")
        yield text


def duration(seconds: float) -> str:
    """A readable duration, in at most two units.

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


class Counter(LiveLine):
    """Shows how many items are done, the rate and the time left; clears its line at the end."""

    def __init__(self, task: str) -> None:
        super().__init__(every=0.2)
        self._task = task
        self._began = self._updated = time.monotonic()
        self._first: int | None = None

    def __call__(self, count: int, total: int | None) -> None:
        """Update the count of items that are count, of a total (None if unknown)."""
        if self._first is None:
            self._first = count
        seconds = time.monotonic() - self._began
        if seconds >= _QUIET_SECONDS and self.is_due:
            self.show(self._line(count, total, seconds))

    def named(self, task: str, count: int, total: int | None) -> None:
        """Update the count in work of several parts; `task` names the part."""
        if task != self._task:
            self._task, self._first, self._began = task, None, time.monotonic()
        self(count, total)

    def _line(self, count: int, total: int | None, seconds: float) -> str:
        rate = (count - (self._first or 0)) / seconds
        line = f"{self._task}: {count:,}" + (f" of {total:,}" if total is not None else "")
        if rate:
            line += f", {rate:,.0f}/s" if rate >= 10 else f", {rate:.2g}/s"
            if total is not None:
                line += f", {duration((total - count) / rate)} left"
        return line
