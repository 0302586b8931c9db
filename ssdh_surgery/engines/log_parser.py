"""Caffe's log parsed into events, line by line.

It reads the lines of BVLC Caffe from 2013 to 1.0, of NVCaffe, IntelCaffe and the SSDH authors'
Caffe, with the prefixes that `log_prefix` reads, or without any where a log has none. A line is
recognised by its message; all others (the nets printed at start-up, additions of forks, HDF5's
errors) give no event.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.log_prefix import Prefix, read_prefix, time_of

_PROTOBUF = re.compile(
    r"\[libprotobuf (?P<severity>WARNING|ERROR) (?P<source>\S+)\] (?P<message>.*)"
)

# NVCaffe 0.17 begins messages with the device, before it the rank of its machine if there are
# several, or with the number of the test net in round brackets.
_DEVICE_MARK = re.compile(r"(?:\[(?:\d+\.)?\d+\]|\((?P<net>\d+)\)|\[MultiGPU\])\s*")

# A float as C++ prints it, on Windows as well (`1.#QNAN`, `-nan(ind)`). Only whole messages match,
# so a truncated number is never misread.
_NUMBER = (
    r"[-+]?(?:nan(?:\((?:s?nan|ind)\))?|inf|\d+\.#(?:[QS]NAN|IND|INF)\d*"
    r"|\d+(?:\.\d+)?(?:e[-+]\d+)?)"
)
_TESTING = re.compile(r"Iteration (\d+), Testing net(?: \(#(\d+)\))?")
_TEST_LOSS = re.compile(rf"Test loss: ({_NUMBER})")
_SCORE = re.compile(rf"Test score #(\d+): ({_NUMBER})")
# NVCaffe adds momentum, weight decay and the like.
_RATE = re.compile(rf"Iteration (\d+)(?: \({_NUMBER}/s\))?, lr = ({_NUMBER})(?:, .*)?")
_LOSS = re.compile(
    rf"Iteration (?P<iteration>\d+)"
    rf"(?: \((?P<rate>{_NUMBER}) iter/s, (?P<seconds>{_NUMBER})s/(?P<display>\d+) iters?\)"
    rf"| \({_NUMBER} s\))?"
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
# Caffes of summer 2015 leave out the space before the path, older ones the kind of file.
_SNAPSHOT = re.compile(r"Snapshotting (solver state )?to (?:(?:binary proto|HDF5) file ?)?(.+)")
# NVCaffe names the time that it took.
_DONE = re.compile(r"Optimization Done(?:\.| in .*)")
# What IntelCaffe with its timers and `debug_info` log as warnings and errors at every iteration.
_NO_WARNING = re.compile(r"\s*(?:#+|DELTA .*|LAYER-\d.*|\[Backward\] .*)?")
# Of blocking_queue.cpp, whose `LOG_EVERY_N` counts the waits of all queues of a type.
_WAITS = frozenset(["Waiting for data", "Data layer prefetch queue empty"])
_WAITS_A_LINE = 1000
_POLICY = " Learning Rate Policy: "
_MICROSECOND = timedelta(microseconds=1)
_YEAR = timedelta(days=366) // _MICROSECOND


def snapshot_file(message: str) -> tuple[bool, str] | None:
    """Whether a message is about a solver state, and the path; None unless it is of a snapshot."""
    match = _SNAPSHOT.fullmatch(message)
    return (match[1] is not None, match[2]) if match else None


class LogParser:
    """Turns the lines of a log into events as they arrive; one parser per run.

    `is_finished` says whether Caffe has reported that it is done, `is_early` whether a signal
    ended it; `last_shown` is the last iteration that it displayed.
    """

    def __init__(self) -> None:
        self.is_finished = False
        self.is_early = False
        self.last_shown: int | None = None
        self._start: datetime | None = None
        self._elapsed = 0  # in microseconds
        self._second = ""  # date and clock of a line, up to the point
        self._second_start = 0  # its elapsed time
        self._iteration = 0
        self._has_rate = False
        self._test: tuple[int, int] | None = None  # (iteration, net), no outputs yet
        self._last_test = (0, 0)
        self._weights = ""
        self._has_prefixes = False
        self._waits: set[str] = set()
        self._marked_net: str | None = None  # the number before the line of a test net's output
        self._readers: dict[str, Callable[[str], list[Event]]] = {
            "Iteration": self._read_iteration,
            "Train": self._read_output,
            "Test": self._read_output,
            "Snapshotting": self._read_snapshot,
            "Optimization": self._read_end,
            "Use": self._read_device,
            "Using": self._read_device,
            "Waiting": self._read_wait,
            "Data": self._read_wait,
            **dict.fromkeys((key.partition(" ")[0] for key in _NAMED_EVENTS), self._read_named),
        }

    def feed(self, text: str) -> list[Event]:
        """The events of the next line (with or without its newline)."""
        text = text.rstrip("\r\n")
        prefix = read_prefix(text)
        return self.read_bare(text) if prefix is None else self.read(prefix)

    def read(self, line: Prefix) -> list[Event]:
        """The events of the next line, which has a prefix."""
        self._has_prefixes = True
        _, severity, date, clock, _, source, message = line
        self._tick(date, clock)
        if severity == "F":
            return [events.Fatal(message, source, elapsed=self.elapsed)]
        found = self._read_message(message)
        # Caffe of 2013 logs its iterations as errors.
        if severity == "I" or found or _NO_WARNING.fullmatch(message):
            return found
        return [self._warning(message, source, severity == "W")]

    def read_bare(self, text: str) -> list[Event]:
        """The events of the next line, which has no prefix: in some logs none has one."""
        if text.startswith("[libprotobuf"):
            return self._read_protobuf(text)
        return [] if self._has_prefixes else self._read_message(text)

    def _read_message(self, message: str) -> list[Event]:
        message = message.strip()
        self._marked_net = None
        if message.startswith(("[", "(")) and (mark := _DEVICE_MARK.match(message)):
            message = message[mark.end() :]
            self._marked_net = mark["net"]
        reader = self._readers.get(message.partition(" ")[0])
        return reader(message) if reader else []

    @property
    def elapsed(self) -> float:
        """The time of the last line, in seconds since the first."""
        return self._elapsed / 10**6

    @property
    def has_times(self) -> bool:
        """Whether its lines have times."""
        return self._start is not None

    def _tick(self, date: str, clock: str) -> None:
        second = date + clock[:9]
        if second == self._second and len(clock) == 15:
            elapsed = self._second_start + int(clock[9:])
        else:
            time = time_of(date, clock)
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
            self._test = self._last_test = int(match[1]), int(match[2] or 0)
            return [*previous, events.TestStart(*self._test, elapsed=self.elapsed)]
        if match := _RATE.fullmatch(message):
            rate = _number(match[2])
            return [events.LearningRate(int(match[1]), rate, elapsed=self.elapsed)]
        if match := _LOSS.fullmatch(message):
            return [*self._end_test(), self._loss(match)]
        return []

    def _loss(self, match: re.Match[str]) -> Event:
        self._iteration = self.last_shown = int(match["iteration"])
        # The first rate of a run is measured from an uninitialised number of iterations.
        rate = _number(match["rate"]) if match["rate"] and self._has_rate else None
        self._has_rate = True
        return events.Iteration(
            self._iteration,
            _number(match["loss"]),
            rate,
            _number(match["seconds"]) if match["seconds"] else None,
            int(match["display"]) if match["display"] else None,
            elapsed=self.elapsed,
        )

    def _read_output(self, message: str) -> list[Event]:
        if message == "Test interrupted.":
            return self._end_test(is_interrupted=True)
        match = _OUTPUT.fullmatch(message)
        if match is None:
            return self._read_score(message)
        weight, weighted = match["loss_weight"], match["weighted"]
        numbers: dict[str, Any] = {
            "value": _number(match["value"]),
            "loss_weight": _number(weight) if weight else None,
            "weighted": _number(weighted) if weighted else None,
            "elapsed": self.elapsed,
        }
        index, name = int(match["index"]), match["name"]
        if message.startswith("Train"):
            return [events.TrainOutput(self._iteration, index, name, **numbers)]
        return self._test_output(index, name, **numbers)

    def _test_output(self, index: int, name: str, **numbers: Any) -> list[Event]:
        iteration, net = self._last_test
        net = net if self._marked_net is None else int(self._marked_net)
        output = events.TestOutput(iteration, index, name, net=net, **numbers)
        return [*self._end_test(), output]

    def _read_score(self, message: str) -> list[Event]:
        """The total loss of a test, and the nameless scores of Caffe before autumn 2014."""
        if match := _TEST_LOSS.fullmatch(message):
            return self._end_test(loss=_number(match[1]))
        if match := _SCORE.fullmatch(message):
            name, value = f"score {match[1]}", _number(match[2])
            return self._test_output(int(match[1]), name, value=value, elapsed=self.elapsed)
        return []

    def _end_test(self, is_interrupted: bool = False, loss: float | None = None) -> list[Event]:
        if self._test is None:
            return []
        iteration, net = self._test
        self._test = None
        return [events.TestEnd(iteration, net, is_interrupted, loss, elapsed=self.elapsed)]

    def _read_snapshot(self, message: str) -> list[Event]:
        file = snapshot_file(message)
        if file is None:
            return []
        is_state, path = file
        if not is_state:
            self._weights = path
            return []
        return [events.Snapshot(self._weights, path, elapsed=self.elapsed)]

    def _read_end(self, message: str) -> list[Event]:
        # caffe.cpp repeats "Optimization Done.", even after an early stop.
        is_early = message == "Optimization stopped early."
        if self.is_finished or not (is_early or _DONE.fullmatch(message)):
            return []
        self.is_finished, self.is_early = True, is_early
        return [*self._end_test(), events.TrainingEnd(is_early, elapsed=self.elapsed)]

    def _read_device(self, message: str) -> list[Event]:
        match = _DEVICE.fullmatch(message)
        if match is None:
            return []
        gpus = (match[1] or match[2] or "").split(", ")
        return [events.Device(tuple(int(gpu) for gpu in gpus if gpu), elapsed=self.elapsed)]

    def _read_wait(self, message: str) -> list[Event]:
        if message not in _WAITS:
            return []
        batches = _WAITS_A_LINE if message in self._waits else 1
        self._waits.add(message)
        return [events.DataWait(batches, elapsed=self.elapsed)]

    def _read_named(self, message: str) -> list[Event]:
        for words, event in _NAMED_EVENTS.items():
            # A net may have no name, and messages are stripped of trailing spaces.
            if message == words or message.startswith(f"{words} "):
                name, _, _ = message[len(words) + 1 :].partition(_POLICY)
                return [event(name, elapsed=self.elapsed)]
        return []


def _number(text: str) -> float:
    """A number that `_NUMBER` matches."""
    if "#" in text or "(" in text:
        return float(text[0].strip("0123456789") + "inf") if "INF" in text else math.nan
    return float(text)
