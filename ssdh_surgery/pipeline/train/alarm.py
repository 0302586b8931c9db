"""Alarms: what the events of a run say is wrong with it, each reported once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

# The kinds that a run can be stopped on.
StopKind = Literal["chance", "collapse", "nan", "saturation"]
AlarmKind = Literal[StopKind, "accuracy", "rate", "test-data", "waiting"]

STOP_KINDS: tuple[StopKind, ...] = get_args(StopKind)


@dataclass(frozen=True)
class Alarm:
    """Something wrong with a run, in a sentence; `output` is the output that shows it."""

    kind: AlarmKind
    message: str
    iteration: int
    output: str | None = None
