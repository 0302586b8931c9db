"""Caffe's log text read as events, and events written as Caffe's log text.

The lines are those of BVLC Caffe 1.0 and of the older lineages (no `iter/s`), under glog's
prefix in its forms: `I1123 20:50:26.734620 15616 solver.cpp:239] `, since glog 0.5 with the
year, and abseil's, in which new protobufs complain. What a line means is recognised by its
message; lines that mean nothing to us (the nets printed at start-up, what forks add, HDF5's
complaints) give no event.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
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

# What C++ prints for a float; a line cut short must not end in half a number unnoticed.
_NUMBER = r"[-+]?(?:nan|inf|\d+(?:\.\d+)?(?:e[-+]\d+)?)"
_TESTING = re.compile(r"Iteration (\d+), Testing net \(#(\d+)\)")
_RATE = re.compile(rf"Iteration (\d+), lr = ({_NUMBER})")
_LOSS = re.compile(
    rf"Iteration (?P<iteration>\d+)"
    rf"(?: \((?P<rate>{_NUMBER}) iter/s, (?P<seconds>{_NUMBER})s/(?P<display>\d+) iters?\))?"
    rf"(?:, .*)?, loss = (?P<loss>{_NUMBER})"
)
_OUTPUT = re.compile(
    rf"T(?:rain|est) net output #(?P<index>\d+): (?P<name>.*) = (?P<value>{_NUMBER})"
    rf"(?: \(\* (?P<loss_weight>{_NUMBER}) = (?P<weighted>{_NUMBER}) loss\))?"
)
_DEVICE = re.compile(r"Use CPU\.|Using GPUs (\d+(?:, \d+)*)|Use GPU with device ID (\d+)")
_NAMED: dict[str, Callable[..., Event]] = {
    "Ignoring source layer": events.LayerIgnored,
    "Finetuning from": events.Finetuning,
    "Resuming from": events.Resuming,
    "Solving": events.Solving,
}
_DONE = ("caffe.cpp:250", "Optimization Done.")
_SNAPSHOT = re.compile(r"Snapshotting (solver state )?to (?:binary proto|HDF5) file (.*)")
_YEAR = timedelta(days=366)


@dataclass(frozen=True)
class LogLine:
    """A line with glog's prefix: severity I, W, E or F, and where in the source it is from.

    `time` is None where the clock cannot be read; without a year in the prefix it is in the
    year 2000 (a leap year).
    """

    severity: str
    time: datetime | None
    thread: int
    source: str
    message: str


def read_line(text: str) -> LogLine | None:
    """A line of a log without its newline, or None when it has no prefix of glog's."""
    match = _PREFIX.fullmatch(text)
    if match is None:
        return None
    date = match["date"] if len(match["date"]) == 8 else f"2000{match['date']}"
    time: datetime | None
    try:
        time = datetime.strptime(f"{date} {match['clock']}", "%Y%m%d %H:%M:%S.%f")
    except ValueError:
        time = None
    return LogLine(match["severity"], time, int(match["thread"]), match["source"], match["message"])


class LogParser:
    """Turns a log into events as its lines come; one parser per run.

    `elapsed` is the time of the last line, in seconds since the first; `finished` says
    whether Caffe has said that it is done, and `stopped_early` that a signal made it so.
    """

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.finished = False
        self.stopped_early = False
        self._start: datetime | None = None
        self._iteration = 0
        self._rated = False
        self._test: tuple[int, int] | None = None  # (iteration, net) of a pass without outputs
        self._tested = (0, 0)
        self._weights = ""
        self._readers: dict[str, Callable[[str], list[Event]]] = {
            "Iteration": self._read_iteration,
            "Train": self._read_output,
            "Test": self._read_output,
            "Snapshotting": self._read_snapshot,
            "Optimization": self._read_end,
            "Use": self._read_device,
            "Using": self._read_device,
            **dict.fromkeys((key.partition(" ")[0] for key in _NAMED), self._read_named),
        }

    def feed(self, text: str) -> list[Event]:
        """The events of one more line (with or without its newline)."""
        text = text.rstrip("\r\n")
        line = read_line(text)
        if line is None:
            return self._read_protobuf(text)
        self._tick(line.time)
        if line.severity == "F":
            return [events.Fatal(line.message, line.source, elapsed=self.elapsed)]
        if line.severity != "I":
            return [self._warned(line.message, line.source, line.severity == "W")]
        message = line.message.strip()
        reader = self._readers.get(message.partition(" ")[0])
        return reader(message) if reader else []

    def _tick(self, time: datetime | None) -> None:
        if time is None:
            return
        if self._start is None:
            self._start = time
        passed = time - self._start
        if passed < -_YEAR / 2:  # New Year passed, and the prefix has no year
            passed += _YEAR
        self.elapsed = max(self.elapsed, passed.total_seconds())

    def _read_protobuf(self, text: str) -> list[Event]:
        match = _PROTOBUF.fullmatch(text)
        if match is None:
            return []
        return [self._warned(match["message"], match["source"], match["severity"] == "WARNING")]

    def _warned(self, message: str, source: str, mild: bool) -> Event:
        severity: Literal["warning", "error"] = "warning" if mild else "error"
        return events.Warned(message, source, severity, elapsed=self.elapsed)

    def _read_iteration(self, message: str) -> list[Event]:
        if match := _TESTING.fullmatch(message):
            ended = self._end_test()
            self._test = self._tested = int(match[1]), int(match[2])
            return [*ended, events.TestStarted(*self._test, elapsed=self.elapsed)]
        if match := _RATE.fullmatch(message):
            rate = float(match[2])
            return [events.LearningRate(int(match[1]), rate, elapsed=self.elapsed)]
        if match := _LOSS.fullmatch(message):
            return [*self._end_test(), self._loss(match)]
        return []

    def _loss(self, match: re.Match[str]) -> Event:
        self._iteration = int(match["iteration"])
        # The first rate of a run counts from an uninitialised number of iterations.
        rate = float(match["rate"]) if match["rate"] and self._rated else None
        self._rated = True
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
            return self._end_test(interrupted=True)
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
        iteration, net = self._tested
        output = events.TestOutput(iteration, index, name, net=net, **numbers)
        return [*self._end_test(), output]

    def _end_test(self, interrupted: bool = False) -> list[Event]:
        if self._test is None:
            return []
        iteration, net = self._test
        self._test = None
        return [events.TestFinished(iteration, net, interrupted, elapsed=self.elapsed)]

    def _read_snapshot(self, message: str) -> list[Event]:
        match = _SNAPSHOT.fullmatch(message)
        if match is None:
            return []
        if not match[1]:
            self._weights = match[2]
            return []
        return [events.Snapshot(self._weights, match[2], elapsed=self.elapsed)]

    def _read_end(self, message: str) -> list[Event]:
        # caffe.cpp says "Optimization Done." once more, after an early stop as well.
        early = message == "Optimization stopped early."
        if self.finished or not (early or message == "Optimization Done."):
            return []
        self.finished, self.stopped_early = True, early
        return [*self._end_test(), events.Finished(early, elapsed=self.elapsed)]

    def _read_device(self, message: str) -> list[Event]:
        match = _DEVICE.fullmatch(message)
        if match is None:
            return []
        gpus = (match[1] or match[2] or "").split(", ")
        return [events.Device(tuple(int(gpu) for gpu in gpus if gpu), elapsed=self.elapsed)]

    def _read_named(self, message: str) -> list[Event]:
        for words, event in _NAMED.items():
            # A net may have no name, and a message ends before its last space.
            if message == words or message.startswith(f"{words} "):
                return [event(message[len(words) + 1 :], elapsed=self.elapsed)]
        return []


def parse_log(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a whole log, line by line."""
    parser = LogParser()
    for line in lines:
        yield from parser.feed(line)


class LogWriter:
    """Writes events as the lines that BVLC Caffe 1.0 logs for them, byte for byte.

    `clock` gives the time of a line; `thread` the number after it (a process id by default).
    """

    def __init__(
        self, clock: Callable[[], datetime] = datetime.now, thread: int | None = None
    ) -> None:
        self._clock = clock
        self._thread = os.getpid() if thread is None else thread

    def line(self, source: str, message: str, severity: str = "I") -> str:
        """Any message under glog's prefix, without a newline; `source` is `file.cpp:line`."""
        stamp = self._clock().strftime("%Y%m%d %H:%M:%S.%f")
        return f"{severity}{stamp} {self._thread:>5} {source}] {message}"

    def lines(self, event: Event) -> list[str]:
        """The lines of an event: none, one or two."""
        return [self.line(*words) for words in _words(event)]


def _words(event: Event) -> list[tuple[str, str] | tuple[str, str, str]]:
    """Where in Caffe's source an event's messages are from, and what they say."""
    match event:
        case events.Device(gpus=()):
            return [("caffe.cpp:197", "Use CPU.")]
        case events.Device(gpus=gpus):
            return [("caffe.cpp:204", f"Using GPUs {', '.join(map(str, gpus))}")]
        case events.Finetuning(weights=weights):
            return [("solver.cpp:72", f"Finetuning from {weights}")]
        case events.LayerIgnored(layer=layer):
            return [("net.cpp:746", f"Ignoring source layer {layer}")]
        case events.Resuming(snapshot=snapshot):
            return [("caffe.cpp:235", f"Resuming from {snapshot}")]
        case events.Solving(net=net):
            return [("solver.cpp:289", f"Solving {net}")]
        case events.Snapshot(weights=weights, state=state):
            kind = "HDF5" if state.endswith(".h5") else "binary proto"
            return [
                ("solver.cpp:464", f"Snapshotting to {kind} file {weights}"),
                ("sgd_solver.cpp:284", f"Snapshotting solver state to {kind} file {state}"),
            ]
        case events.Warned(message=message, source=source, severity=severity):
            return [(source, message, severity[0].upper())]
        case events.Fatal(message=message, source=source):
            return [(source, message, "F")]
        case events.Finished(stopped_early=True):
            return [("solver.cpp:311", "Optimization stopped early."), _DONE]
        case events.Finished():
            return [("solver.cpp:332", _DONE[1]), _DONE]
    return _progress(event)


def _progress(event: Event) -> list[tuple[str, str] | tuple[str, str, str]]:
    """The same for what is said again and again."""
    match event:
        case events.Iteration(iteration=iteration, loss=loss, seconds=None):
            return [("solver.cpp:327", f"Iteration {iteration}, loss = {_number(loss)}")]
        case events.Iteration(iteration=iteration, loss=loss, rate=rate, seconds=float(seconds)):
            speed = f"{_number(rate or 0)} iter/s, {_number(seconds)}s/{event.display} iters"
            return [("solver.cpp:239", f"Iteration {iteration} ({speed}), loss = {_number(loss)}")]
        case events.LearningRate(iteration=iteration, rate=rate):
            return [("sgd_solver.cpp:112", f"Iteration {iteration}, lr = {_number(rate)}")]
        case events.TrainOutput():
            return [("solver.cpp:258", f"    Train net output {_output(event)}")]
        case events.TestStarted(iteration=iteration, net=net):
            return [("solver.cpp:347", f"Iteration {iteration}, Testing net (#{net})")]
        case events.TestOutput():
            return [("solver.cpp:414", f"    Test net output {_output(event)}")]
        case events.TestFinished(interrupted=True):
            return [("solver.cpp:396", "Test interrupted.")]
    return []


def _output(output: events.Output) -> str:
    text = f"#{output.index}: {output.name} = {_number(output.value)}"
    if output.loss_weight is None or output.weighted is None:
        return text
    return f"{text} (* {_number(output.loss_weight)} = {_number(output.weighted)} loss)"


def _number(value: float) -> str:
    """A float as C++'s streams print it: six digits, and nan with its sign."""
    if math.isnan(value):
        return "-nan" if math.copysign(1, value) < 0 else "nan"
    return f"{value:g}"
