"""Findings: what a check knows of a file, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ssdh_surgery.location import Location, describe

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """Something that a check knows: a value, never raised by itself.

    `code` is stable (`SSDH101`), `name` its word (`labels-out-of-range`).
    """

    code: str
    name: str
    severity: Severity
    message: str
    hint: str | None = None
    location: Location | None = None

    def as_json(self) -> dict[str, str | None]:
        """The finding as commands have it that are not `check`, without its place."""
        names = ("code", "name", "severity", "message", "hint")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        label = f"{self.severity} {self.code} {self.name}: {self.message}"
        return describe(label, self.location, self.hint)
