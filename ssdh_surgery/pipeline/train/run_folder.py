"""The folder of a run: its log, a record of what was started, and the solver that ran."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery import errors, files
from ssdh_surgery.pipeline.nets.run_records import LOG, RECORD, RUNS, run_records
from ssdh_surgery.staging.staged_file import clean_folders
from ssdh_surgery.staging.temporary import PATTERN


@dataclass(frozen=True)
class RunFolder:
    """`runs/NAME/`, next to the workspace or in the current directory."""

    path: Path

    @property
    def log(self) -> Path:
        """The engine's log, untouched."""
        return self.path / LOG

    @property
    def console(self) -> Path:
        """What a run in the background prints."""
        return self.path / "console.log"

    @property
    def solver(self) -> Path:
        """The solver, or the copy of it that ran."""
        return self.path / "solver.prototxt"

    @property
    def record(self) -> Path:
        """What was started, with which files and versions, and how it ended."""
        return self.path / RECORD

    def create(self, solver: bytes, record: dict[str, Any]) -> None:
        """Create the folder with its solver and its record.

        Raises:
            FileError: it cannot be created or written.
        """
        self._create_empty()
        files.write_bytes(self.solver, solver)
        self.write_record(record)

    def create_adopted(self, record: Mapping[str, Any]) -> None:
        """Create the folder with the record of a run that was started without ssdh.

        Raises:
            FileError: it cannot be created or written.
        """
        self._create_empty()
        self.write_record(record)

    def _create_empty(self) -> None:
        with errors.file_errors(self.path, "make the folder"):
            self.path.mkdir(parents=True)
        # A run that was killed while its folder was made does not return to it.
        clean_folders(path.parent for path in self.path.parent.glob(f"*/{PATTERN}"))

    def write_record(self, record: Mapping[str, Any]) -> None:
        """Write the record, in the place of an older one.

        Raises:
            FileError: it cannot be written.
        """
        files.write_bytes(self.record, (json.dumps(record, indent=2) + "\n").encode())


def next_run(base: Path, stem: str) -> RunFolder:
    """The folder for the next run of a solver: its stem and the next free number."""
    runs = base / RUNS
    number = 1
    while (runs / f"{stem}-{number}").exists():
        number += 1
    return RunFolder(Path(os.path.relpath(runs / f"{stem}-{number}")))


def first_folder(base: Path, solver: Path) -> Path | None:
    """The directory that caffe ran in when a solver was first run, None where no run has it."""
    folders = (record.cwd for record in run_records(base, solver))
    return next((folder for folder in folders if folder.is_dir()), None)
