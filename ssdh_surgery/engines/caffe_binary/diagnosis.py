"""What a failure of caffe means, and the error that reports it."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, replace
from typing import Any

from ssdh_surgery.errors import EngineError
from ssdh_surgery.location import Location

# Why a process ended by a signal, and a hint.
SIGNAL_CAUSES = {
    signal.SIGKILL: (
        "caffe was killed",
        "if nobody killed it, the system ran out of memory (see dmesg): lower batch_size",
    ),
    signal.SIGTERM: ("another program asked caffe to terminate", None),
    signal.SIGSEGV: (
        "caffe crashed with an invalid memory access",
        "check for labels outside the classifier's num_output, for an empty list of images, and "
        "for "
        "a Caffe that was built for other libraries",
    ),
    signal.SIGABRT: (
        "caffe gave up without a word",
        "an error of a library may do that: standard output and error are both in the log",
    ),
    signal.SIGFPE: (
        "caffe divided by zero",
        'lr_policy: "step" without a stepsize does that; so does a batch_size, an iter_size or a '
        "group of 0",
    ),
    signal.SIGILL: (
        "caffe crashed: it was built for another processor",
        "build Caffe (and its BLAS) on this machine",
    ),
    signal.SIGBUS: (
        "caffe crashed: a memory-mapped file was truncated",
        "is a data.mdb incomplete, or a disk full?",
    ),
}

# Why a shell could not start a program, and a hint.
EXIT_CAUSES = {
    126: ("caffe cannot be executed", "is it a program for this machine, with permission to run?"),
    127: (
        "caffe, or a program that the script of that name starts, does not exist",
        "check the paths in the script",
    ),
}


def shell_code(returncode: int) -> int:
    """An exit code as a shell shows it: 134 for a process ended by signal 6 (-6)."""
    return 128 - returncode if returncode < 0 else returncode


def signal_of(code: int) -> signal.Signals | None:
    """The signal that an exit code of a shell stands for, if any."""
    try:
        return signal.Signals(code - 128) if code > 128 else None
    except ValueError:
        return None


@dataclass(frozen=True)
class LogSpan:
    """A part of a line of the log: lines count from 1, `start` from 0; by default all of it."""

    number: int
    text: str
    start: int = 0
    width: int | None = None

    def of(self, match: re.Match[str]) -> LogSpan:
        """The part that matched, of a match in the text from the start of this span on."""
        end = min(match.end(), len(self.text) - self.start)
        return replace(self, start=self.start + match.start(), width=end - match.start())

    def location(self, log: str) -> Location:
        """The place, for a log of that name."""
        width = len(self.text) - self.start if self.width is None else self.width
        return Location(log, self.number, self.start + 1, self.text, width)


@dataclass(frozen=True)
class Diagnosis:
    """Why a run failed: a kind, a sentence and a hint.

    `span` is the part of the log that says so, `location` a place in another file instead;
    `lines` are the lines of the log that matter, by default the one of `span`; they are quoted
    with `is_quoted`, where they are all that is known. `file` is one that the failure is about, as
    the log names it.
    """

    kind: str
    sentence: str
    hint: str | None = None
    span: LogSpan | None = None
    location: Location | None = None
    lines: tuple[str, ...] = ()
    is_quoted: bool = False
    layer: str = ""
    blob: str = ""
    file: str = ""

    def error(self, log: str, code: int) -> EngineError:
        """The error for a run with that exit code (of a shell), whose log has that name."""
        number = signal_of(code)
        ending = f"; caffe ended with exit code {code}" + (f" ({number.name})" if number else "")
        lines = self.lines or ((self.span.text,) if self.span else ())
        location = self.location or (self.span.location(log) if self.span else Location(log))
        quoted = "".join(f"\n  | {line}" for line in lines) if self.is_quoted else ""
        if quoted:
            location = replace(location, text=None)
        names: dict[str, Any] = {"layer": self.layer, "blob": self.blob}
        return EngineError(
            f"{self.sentence}{ending}{quoted}",
            location=location,
            hint=self.hint or None,
            kind=self.kind,
            lines=list(lines),
            engine_exit_code=code,
            **{key: name for key, name in names.items() if name},
        )
