"""Keeps the record of a run up to date: its processes while it runs, and how it ended."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.errors import FileError
from ssdh_surgery.pipeline.nets.run_processes import process_mark
from ssdh_surgery.pipeline.train.run_folder import RunFolder

End = Literal["done", "stopped", "failed", "diverged", "killed"]


class RunJournal:
    """The record of one run.

    Args:
        folder: its folder, which does not exist yet.
        solver: the solver, or the copy of it that runs.
        record: what it is started with.
        main_outputs: the outputs of the main head; None for any.
    """

    def __init__(
        self,
        folder: RunFolder,
        solver: bytes,
        record: Mapping[str, Any],
        main_outputs: Collection[str] | None,
    ) -> None:
        self._folder = folder
        self._main_outputs = main_outputs
        self._iteration: int | None = None
        self._accuracy: float | None = None
        self._is_early = False
        self._record: dict[str, Any] = {
            **record,
            "main_outputs": None if main_outputs is None else sorted(main_outputs),
            "process": process_mark(os.getpid()),
            "engine_process": None,
            "exit": None,
        }
        folder.create(solver, self._record)

    def note(self, event: Event) -> None:
        """Take in an event of the run."""
        match event:
            case events.RunStart():
                self._record["engine_process"] = process_mark(event.pid)
                self._write()
            case events.TestOutput():
                is_main = self._main_outputs is None or event.name in self._main_outputs
                if event.loss_weight is None and is_main and event.net == 0:
                    self._accuracy = event.value
            case events.Iteration() | events.TestStart():
                self._iteration = event.iteration
            case events.Snapshot():
                if match := re.search(r"_iter_(\d+)", Path(event.state).name):
                    self._iteration = max(self._iteration or 0, int(match[1]))
            case events.TrainingEnd():
                self._is_early = event.is_early
            case events.RunExit():
                is_stopped = event.is_interrupted or self._is_early
                how: End = "stopped" if is_stopped else "done"
                code = 130 if event.is_interrupted else 0
                self.end("killed" if event.is_killed else how, code)
            case _:
                pass

    def end(self, how: End, code: int) -> None:
        """Write how the run ended, and the exit code of the command."""
        self._record["exit"] = {
            "how": how,
            "code": code,
            "iteration": (how == "done" and self._record.get("max_iter")) or self._iteration,
            "accuracy": self._accuracy,
            "ended": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        }
        self._write()

    def _write(self) -> None:
        # A run goes on where its record cannot be written: its log says the same.
        with contextlib.suppress(FileError):
            self._folder.write_record(self._record)
