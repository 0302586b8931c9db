"""Whole logs of engines as events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.log_parser import LogParser


def parse_log(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a whole log."""
    parser = LogParser()
    for line in lines:
        yield from parser.feed(line)
