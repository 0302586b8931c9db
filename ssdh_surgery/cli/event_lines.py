"""The events of a run as lines of JSON on stdout, an object each."""

from __future__ import annotations

import math
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from ssdh_surgery.cli import terminal
from ssdh_surgery.engines import events
from ssdh_surgery.pipeline.train.alarm import Alarm
from ssdh_surgery.pipeline.train.sample_health import SampleHealth


class EventLines:
    """Prints each event at once; `event` names its kind, as in `train_output`."""

    def show(self, event: events.Event) -> None:
        """Print an event."""
        if isinstance(event, events.BlobSample):
            return  # `codes` follows, with what it shows
        values = {each.name: getattr(event, each.name) for each in fields(event)}
        self._print(_snake_case(type(event).__name__), values)

    def show_alarm(self, alarm: Alarm) -> None:
        """Print an alarm."""
        self._print("alarm", {each.name: getattr(alarm, each.name) for each in fields(alarm)})

    def show_codes(self, health: SampleHealth, iteration: int) -> None:
        """Print the health of the codes."""
        self._print("codes", {"iteration": iteration, **health.as_json()})

    def end(self, exit_code: int, **values: Any) -> None:
        """Print the last line: how the run ended, and what it left."""
        self._print("end", {"exit_code": exit_code, **values})

    def _print(self, kind: str, values: dict[str, Any]) -> None:
        terminal.answer_json_line({"event": kind, **{k: _plain(v) for k, v in values.items()}})


def _plain(value: Any) -> Any:
    """A value that JSON has; it has no numbers that are not finite, so they are null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def _snake_case(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
