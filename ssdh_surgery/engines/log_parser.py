"""Caffe's log parsed into events, line by line.

It reads the lines of BVLC Caffe 1.0 and of older lineages (without `iter/s`), with glog's prefix
in any of its forms: `I1123 20:50:26.734620 15616 solver.cpp:239] `, the one with the year (glog
0.5 and later), and abseil's, used by newer versions of protobuf. A line is recognised by its
message; all others (the nets printed at start-up, additions of forks, HDF5's errors) give no
event.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event

_PREFIX = re.compile(
    r"(?P<severity>[IWEF])(?P<date>\d{8}|\d{4}) (?P<clock>\d\d:\d\d:\d+\.\d+) +"
    r"(?P<thread>\d+) (?P<source>[^\s\]]+:\d+)\] ?(?P<message>.*)"
)
_PROTOBUF = re.compile(
    r"\[libprotobuf (?P<severity>WARNING|ERROR) (?P<source>\S+)\] (?P<message>.*)"
)

# A float as C++ prints it. Only whole messages match, so a truncated number is never misread.
_NUMBER = r"[-+]?(?:nan|inf|\d+(?:\.\d+)?(?:e[-+]\d+)?)"
_TESTING = re.compile(r"Iteration (\d+), Testing net \(#(\d+)\)")
_RATE = re.compile(rf"Iteration (\d+), lr = ({_NUMBER})")
_LOSS = re.compile(
    rf"Iteration (?P<iteration>\d+)"
    rf"(?: \((?P<rate>{_NUMBER}) iter/s, (?P<seconds>{_NUMBER})s/(?P<display>\d+) iters?\))?"
    rf"(?:, .*)?, loss = (?P<loss>{_NUMBER})"
)
_OUTPUT = re.compile(
    # Few names contain `=`; the first alternative finds the end of the others at once.
    rf"T(?:rain|est) net output #(?P<index>\d+): (?P<name>[^=]*|.*) = (?P<value>{_NUMBER})"
    rf"(?: \(\* (?P<loss_weight>{_NUMBER}) = (?P<weighted>{_NUMBER}) loss\))?"
)
_DEVICE = re.compile(r"Use CPU\.|Using GPUs (\d+(?:, \d+)*)|Use GPU with device ID (\d+)")
_NAMED_EVENTS: dict[str, Callable[..., Event]] = {
    "Ignoring source layer": events.SurplusLayer,
    "Finetuning from": events.WeightsLoad,
    "Resuming from": events.SnapshotLoad,
    "Solving": events.TrainingStart,
}
_SNAPSHOT = re.compile(r"Snapshotting (solver state )?to (?:binary proto|HDF5) file (.*)")
_MICROSECOND = timedelta(microseconds=1)
_YEAR = timedelta(days=366) // _MICROSECOND
# How a line with glog's prefix, or one of protobuf, begins. Most lines of a log are others.
_FIRST_CHARACTERS = ("I", "W", "E", "F", "[")


@dataclass(frozen=True)
class LogLine:
    """A line with glog's prefix: severity I, W, E or F, and its place in the source.

    `time` is None if the clock cannot be parsed. If the prefix has no year, the year is 2000 (a
    leap year).
    """

    severity: str
    time: datetime | None
    thread: int
    source: str
    message: str


def read_line(text: str) -> LogLine | None:
    """Parse a line without its newline; None if it does not have glog's prefix."""
    match = _PREFIX.fullmatch(text)
    if match is None:
        return None
    time = _time(match["date"], match["clock"])
    return LogLine(match["severity"], time, int(match["thread"]), match["source"], match["message"])


def _time(date: str, clock: str) -> datetime | None:
    """The time of a prefix, or None if it cannot be parsed; `strptime` is ten times as slow."""
    second, _, fraction = clock[6:].partition(".")
    if len(second) > 2 or len(fraction) > 6:
        return None
    try:
        return datetime(
            int(date[:-4] or 2000),
            int(date[-4:-2]),
            int(date[-2:]),
            int(clock[:2]),
            int(clock[3:5]),
            int(second),
            int(fraction.ljust(6, "0")),
        )
    except ValueError:
        return None


class LogParser:
    """Turns the lines of a log into events as they arrive; one parser per run.

    `is_finished` says whether Caffe has reported that it is done, `is_early` whether a signal
    ended it.
    """

    def __init__(self) -> None:
        self.is_finished = False
        self.is_early = False
        self._start: datetime | None = None
        self._elapsed = 0  # in microseconds
        self._second = ""  # date and clock of a line, up to the point
        self._second_start = 0  # its elapsed time
        self._iteration = 0
        self._has_rate = False
        self._test: tuple[int, int] | None = None  # (iteration, net), no outputs yet
        self._last_test = (0, 0)
        self._weights = ""
        self._readers: dict[str, Callable[[str], list[Event]]] = {
            "Iteration": self._read_iteration,
            "Train": self._read_output,
            "Test": self._read_output,
            "Snapshotting": self._read_snapshot,
            "Optimization": self._read_end,
            "Use": self._read_device,
            "Using": self._read_device,
            **dict.fromkeys((key.partition(" ")[0] for key in _NAMED_EVENTS), self._read_named),
        }

    def feed(self, text: str) -> list[Event]:
        """The events of the next line (with or without its newline)."""
        if not text.startswith(_FIRST_CHARACTERS):
            return []
        text = text.rstrip("\r\n")
        match = _PREFIX.fullmatch(text)
        if match is None:
            return self._read_protobuf(text)
        severity, date, clock, _, source, message = match.groups()
        self._tick(date, clock)
        if severity == "F":
            return [events.Fatal(message, source, elapsed=self.elapsed)]
        if severity != "I":
            return [self._warning(message, source, severity == "W")]
        message = message.strip()
        reader = self._readers.get(message.partition(" ")[0])
        return reader(message) if reader else []

    @property
    def elapsed(self) -> float:
        """The time of the last line, in seconds since the first."""
        return self._elapsed / 10**6

    def _tick(self, date: str, clock: str) -> None:
        second = date + clock[:9]
        if second == self._second and len(clock) == 15:
            elapsed = self._second_start + int(clock[9:])
        else:
            time = _time(date, clock)
            if time is None:
                return
            if self._start is None:
                self._start = time
            elapsed = (time - self._start) // _MICROSECOND
            # Most lines share their second with the line before.
            self._second = second if second.endswith(".") else ""
            self._second_start = elapsed - time.microsecond
        if elapsed < -_YEAR // 2:  # the run crosses New Year, and the prefix has no year
            elapsed += _YEAR
        self._elapsed = max(self._elapsed, elapsed)

    def _read_protobuf(self, text: str) -> list[Event]:
        match = _PROTOBUF.fullmatch(text)
        if match is None:
            return []
        return [self._warning(match["message"], match["source"], match["severity"] == "WARNING")]

    def _warning(self, message: str, source: str, is_warning: bool) -> Event:
        severity: Literal["warning", "error"] = "warning" if is_warning else "error"
        return events.LogWarning(message, source, severity, elapsed=self.elapsed)

    def _read_iteration(self, message: str) -> list[Event]:
        if match := _TESTING.fullmatch(message):
            previous = self._end_test()
            self._test = self._last_test = int(match[1]), int(match[2])
            return [*previous, events.TestStart(*self._test, elapsed=self.elapsed)]
        if match := _RATE.fullmatch(message):
            rate = float(match[2])
            return [events.LearningRate(int(match[1]), rate, elapsed=self.elapsed)]
        if match := _LOSS.fullmatch(message):
            return [*self._end_test(), self._loss(match)]
        return []

    def _loss(self, match: re.Match[str]) -> Event:
        self._iteration = int(match["iteration"])
        # The first rate of a run is measured from an uninitialised number of iterations.
        rate = float(match["rate"]) if match["rate"] and self._has_rate else None
        self._has_rate = True
        return events.Iteration(
            self._iteration,
            float(match["loss"]),
            rate,
            float(match["seconds"]) if match["seconds"] else None,
            int(match["display"]) if match["display"] else None,
            elapsed=self.elapsed,
        )

    def _read_output(self, message: str) -> list[Event]:
        if message == "Test interrupted.":
            return self._end_test(is_interrupted=True)
        match = _OUTPUT.fullmatch(message)
        if match is None:
            return self._end_test() if message.startswith("Test loss: ") else []
        weight, weighted = match["loss_weight"], match["weighted"]
        numbers: dict[str, Any] = {
            "value": float(match["value"]),
            "loss_weight": float(weight) if weight else None,
            "weighted": float(weighted) if weighted else None,
            "elapsed": self.elapsed,
        }
        index, name = int(match["index"]), match["name"]
        if message.startswith("Train"):
            return [events.TrainOutput(self._iteration, index, name, **numbers)]
        iteration, net = self._last_test
        output = events.TestOutput(iteration, index, name, net=net, **numbers)
        return [*self._end_test(), output]

    def _end_test(self, is_interrupted: bool = False) -> list[Event]:
        if self._test is None:
            return []
        iteration, net = self._test
        self._test = None
        return [events.TestEnd(iteration, net, is_interrupted, elapsed=self.elapsed)]

    def _read_snapshot(self, message: str) -> list[Event]:
        match = _SNAPSHOT.fullmatch(message)
        if match is None:
            return []
        if not match[1]:
            self._weights = match[2]
            return []
        return [events.Snapshot(self._weights, match[2], elapsed=self.elapsed)]

    def _read_end(self, message: str) -> list[Event]:
        # caffe.cpp repeats "Optimization Done.", even after an early stop.
        is_early = message == "Optimization stopped early."
        if self.is_finished or not (is_early or message == "Optimization Done."):
            return []
        self.is_finished, self.is_early = True, is_early
        return [*self._end_test(), events.TrainingEnd(is_early, elapsed=self.elapsed)]

    def _read_device(self, message: str) -> list[Event]:
        match = _DEVICE.fullmatch(message)
        if match is None:
            return []
        gpus = (match[1] or match[2] or "").split(", ")
        return [events.Device(tuple(int(gpu) for gpu in gpus if gpu), elapsed=self.elapsed)]

    def _read_named(self, message: str) -> list[Event]:
        for words, event in _NAMED_EVENTS.items():
            # A net may have no name, and messages are stripped of trailing spaces.
            if message == words or message.startswith(f"{words} "):
                return [event(message[len(words) + 1 :], elapsed=self.elapsed)]
        return []
