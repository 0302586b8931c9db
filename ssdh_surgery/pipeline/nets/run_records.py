"""The records that runs leave: `runs/NAME/run.json`, next to the workspace or where they began."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUNS = "runs"
RECORD = "run.json"
LOG = "train.log"


@dataclass(frozen=True)
class RunRecord:
    """What a run started with, and how it ended.

    Attributes:
        folder: `runs/NAME`.
        solver: the solver that the user named, absolute; None where it is unknown.
        cwd: the directory that caffe ran in.
        prefix: the path of its snapshots before `_iter_N`, None in records without one.
        values: all that the record holds; runs of older versions have less.
    """

    folder: Path
    solver: Path | None
    cwd: Path
    prefix: Path | None
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the run's folder."""
        return self.folder.name

    @property
    def log(self) -> Path:
        """Its log: the one in its folder, or that of a run that was adopted."""
        adopted = self.values.get("log")
        return Path(adopted) if isinstance(adopted, str) else self.folder / LOG

    @property
    def is_adopted(self) -> bool:
        """Whether it was started without ssdh."""
        return bool(self.values.get("adopted"))


def all_records(base: Path) -> list[RunRecord]:
    """The records of runs, the oldest first; those that cannot be read are skipped.

    Args:
        base: the folder that holds `runs`.
    """
    records = [_read(path) for path in (base / RUNS).glob(f"*/{RECORD}")]
    return sorted((each for each in records if each is not None), key=_start)


def run_records(base: Path, solver: Path) -> list[RunRecord]:
    """The records of a solver's runs, the oldest first; those that cannot be read are skipped.

    Args:
        base: the folder that holds `runs`.
        solver: the solver's file.
    """
    resolved = solver.resolve()
    return [record for record in all_records(base) if record.solver == resolved]


def _start(record: RunRecord) -> tuple[int, str]:
    """When a run began: its solver is written then, its record again at its end."""
    solver = record.folder / "solver.prototxt"
    path = solver if solver.exists() else record.folder / RECORD
    return path.stat().st_mtime_ns, record.name


def _read(path: Path) -> RunRecord | None:
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(values, dict):
        return None
    cwd = Path(str(values.get("cwd")))
    solver, prefix = values.get("solver"), values.get("snapshot_prefix")
    return RunRecord(
        path.parent,
        Path(solver) if isinstance(solver, str) else None,
        cwd,
        cwd / prefix if isinstance(prefix, str) else None,
        values,
    )
