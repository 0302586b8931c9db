"""The log of a run, in Caffe's own format, written line by line as events happen."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import Self

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.log_writer import LogWriter
from ssdh_surgery.errors import FileError, SsdhError, file_errors


class RunLog:
    """A new log file; a context manager.

    Raises:
        FileError: it cannot be written, or exists already.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = LogWriter()
        self._start = time.monotonic()
        with file_errors(path, "write the log"):
            # Closed by __exit__.
            self._file = path.open("x", encoding="utf-8", errors="surrogateescape")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A full disk fails again here; only the first error matters.
        with contextlib.suppress(OSError):
            self._file.close()

    def say(self, source: str, message: str) -> None:
        """Write a line that is not an event, given its place in Caffe's source and its message."""
        self._write([self._writer.line(source, message)])

    def record(self, event: Event) -> Event:
        """Write an event's lines; returns the event with its time."""
        self._write(self._writer.lines(event))
        return dataclasses.replace(event, elapsed=time.monotonic() - self._start)

    def fail(self, error: SsdhError) -> None:
        """Write the run's last line, a failure, if the log can still be written."""
        place = f"{error.location}: " if error.location else ""
        with contextlib.suppress(FileError):
            self.record(events.Fatal(f"{place}{error.message}", "trainer.py:1"))

    def _write(self, lines: list[str]) -> None:
        with file_errors(self._path, "write the log"):
            self._file.writelines(f"{line}\n" for line in lines)
            self._file.flush()
