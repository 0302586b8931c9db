"""A summary of a file: its kind, facts, a table, and the same as values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ssdh_surgery.pipeline.summary.file_kind import FileKind


@dataclass(frozen=True)
class Summary:
    """What a file holds.

    Attributes:
        kind: its kind.
        file: its name, as the user wrote it.
        title: what it is, in a clause.
        values: the summary for JSON.
        facts: sentences of it, by what they are about.
        columns: the titles of a table.
        rows: the cells of the table.
        command: a command that shows more.
    """

    kind: FileKind
    file: str
    title: str
    values: Mapping[str, Any]
    facts: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    command: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer of `show --json`."""
        return {"content": str(self.kind), "file": self.file, **self.values}
