"""The records that runs leave: `runs/NAME/run.json`, next to the workspace or where they began."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

RUNS = "runs"
RECORD = "run.json"


@dataclass(frozen=True)
class RunRecord:
    """What a run started with.

    Attributes:
        folder: `runs/NAME`.
        solver: the solver that the user named, absolute.
        cwd: the directory that caffe ran in.
        prefix: the path of its snapshots before `_iter_N`, None in records without one.
    """

    folder: Path
    solver: Path
    cwd: Path
    prefix: Path | None


def run_records(base: Path, solver: Path) -> list[RunRecord]:
    """The records of a solver's runs, the oldest first; those that cannot be read are skipped.

    Args:
        base: the folder that holds `runs`.
        solver: the solver's file.
    """
    paths = sorted((base / RUNS).glob(f"*/{RECORD}"), key=lambda path: path.stat().st_mtime_ns)
    records = (_read(path) for path in paths)
    resolved = solver.resolve()
    return [record for record in records if record is not None and record.solver == resolved]


def _read(path: Path) -> RunRecord | None:
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(values, dict):
        return None
    cwd = Path(str(values.get("cwd")))
    prefix = values.get("snapshot_prefix")
    return RunRecord(
        path.parent,
        Path(str(values.get("solver"))),
        cwd,
        cwd / prefix if isinstance(prefix, str) else None,
    )
