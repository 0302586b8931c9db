"""The prefix of a log line: who logged it, when, and how severe it is; and the message after it.

glog's prefix is read in all of its forms (`I1123 20:50:26.734620 15616 solver.cpp:239] `, the one
with the year, abseil's) wherever it stands in a line: `mpirun -l`, containers and journals write a
tag or a time before it, and a glog without a folder for its files a complaint. Caffes of Windows
and of phones have a logger of their own: `1508138445  INFO: src/caffe/solver.cpp : line 218 : `.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

_GLOG = re.compile(
    r"(?P<severity>[IWEF])(?P<date>\d{8}|\d{4}) (?P<clock>\d\d:\d\d:\d+\.\d+) +"
    r"(?P<thread>\d+) (?P<source>[^\s\]]+:\d+)\] ?(?P<message>.*)"
)
_PLAIN_LOGGER = re.compile(
    r"(?P<clock>\d{9,10})  (?P<severity>INFO|WARNING|ERROR|FATAL): "
    r"(?P<source>\S+) : line (?P<line>\d+) : (?P<message>.*)"
)
_SEVERITIES = ("I", "W", "E", "F")


class Prefix(NamedTuple):
    """A line in its parts, as they are written; `date` and `thread` may be empty.

    `tag` is what stands before the prefix.
    """

    tag: str
    severity: str
    date: str
    clock: str
    thread: str
    source: str
    message: str

    @property
    def time(self) -> datetime | None:
        """The time of the line; None if it cannot be parsed, of year 2000 if it has no year."""
        return time_of(self.date, self.clock)


@dataclass(frozen=True)
class LogLine:
    """A line with a prefix: severity I, W, E or F, and its place in the source.

    `time` is None if the clock cannot be parsed. If the prefix has no year, the year is 2000 (a
    leap year).
    """

    severity: str
    time: datetime | None
    thread: int
    source: str
    message: str


def read_prefix(text: str) -> Prefix | None:
    """The parts of a line without its newline; None if it has no prefix."""
    tag = ""
    match = _GLOG.fullmatch(text) if text.startswith(_SEVERITIES) else None
    if match is None:
        match = _GLOG.search(text) if "]" in text else None
        if match is None:
            return _read_plain_logger(text)
        tag = text[: match.start()]
    return Prefix(tag, *match.groups())


def _read_plain_logger(text: str) -> Prefix | None:
    match = _PLAIN_LOGGER.search(text) if " : line " in text else None
    if match is None:
        return None
    name = re.split(r"[/\\]", match["source"])[-1]
    source, tag = f"{name}:{match['line']}", text[: match.start()]
    return Prefix(tag, match["severity"][0], "", match["clock"], "", source, match["message"])


def read_line(text: str) -> LogLine | None:
    """A line without its newline; None if it has no prefix."""
    prefix = read_prefix(text)
    if prefix is None:
        return None
    thread = int(prefix.thread or 0)
    return LogLine(prefix.severity, prefix.time, thread, prefix.source, prefix.message)


def time_of(date: str, clock: str) -> datetime | None:
    """The time of a prefix, or None if it cannot be parsed; `strptime` is ten times as slow."""
    if not date:
        return datetime.fromtimestamp(int(clock), UTC).replace(tzinfo=None)
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
