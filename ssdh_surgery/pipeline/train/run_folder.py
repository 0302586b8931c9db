"""What a run leaves: a folder with its log, its command, and the solver that it ran with."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery import errors, files

RUNS = "runs"


@dataclass(frozen=True)
class RunFolder:
    """`runs/NAME/`, beside the workspace or in the current directory."""

    path: Path

    @property
    def log(self) -> Path:
        """The engine's log, untouched."""
        return self.path / "train.log"

    @property
    def solver(self) -> Path:
        """The copy of the solver."""
        return self.path / "solver.prototxt"

    @property
    def record(self) -> Path:
        """What was started: command, folder, solver."""
        return self.path / "run.json"

    def create(self) -> None:
        """Make the folder.

        Raises:
            FileError: it cannot be made.
        """
        with errors.file_errors(self.path, "make the folder"):
            self.path.mkdir(parents=True)

    def write_record(self, values: dict[str, Any]) -> None:
        """Write what was started."""
        files.write_bytes(self.record, (json.dumps(values, indent=2) + "\n").encode())


def next_run(base: Path, stem: str) -> RunFolder:
    """The folder of the next run of a solver: its name and the next free number."""
    runs = base / RUNS
    number = 1
    while (runs / f"{stem}-{number}").exists():
        number += 1
    return RunFolder(Path(os.path.relpath(runs / f"{stem}-{number}")))


def first_folder(base: Path, solver: Path) -> Path | None:
    """The directory that caffe ran in when a solver was first run."""
    records = sorted((base / RUNS).glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    for path in records:
        try:
            record = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        named, folder = (Path(str(record.get(key))) for key in ("solver", "cwd"))
        if named == solver.resolve() and folder.is_dir():
            return folder
    return None
