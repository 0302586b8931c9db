"""`ssdh runs`: the runs of a workspace or of the current directory, and how each stands."""

from __future__ import annotations

import datetime
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import EngineError, SsdhError, UsageError, did_you_mean
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.log.log import LogReader, RunSummary, read_logs
from ssdh_surgery.pipeline.nets.run_processes import is_elsewhere, is_written, live_pid
from ssdh_surgery.pipeline.nets.run_records import RunRecord, all_records
from ssdh_surgery.pipeline.workspace.workspace import Workspace

RunState = Literal["running", "done", "stopped", "failed", "diverged", "killed", "unknown"]


@dataclass(frozen=True)
class RunStatus:
    """How a run stands.

    Attributes:
        record: its record.
        state: whether it runs, or how it ended; `unknown` for one on another machine whose log
            does not say.
        iteration: the last iteration of its log.
        max_iter: the iteration at which it ends.
        accuracy: the last one of the main head in a test.
        started: when it was started.
        seconds: how long it has been running, or ran.
    """

    record: RunRecord
    state: RunState
    iteration: int | None
    max_iter: int | None
    accuracy: float | None
    started: datetime.datetime | None
    seconds: float | None

    def as_json(self) -> dict[str, Any]:
        """The answer of `runs --json` for the run."""
        return {
            "name": self.record.name,
            "folder": str(self.record.folder),
            "state": self.state,
            "iteration": self.iteration,
            "max_iter": self.max_iter,
            "accuracy": self.accuracy,
            "started": None if self.started is None else self.started.isoformat(),
            "seconds": self.seconds,
            "log": str(self.record.log),
            "command": self.record.values.get("command"),
        }


def runs_folder() -> Path:
    """The folder that holds `runs`: that of the workspace, else the current directory."""
    workspace = Workspace.find()
    return workspace.folder if workspace else Path.cwd()


def find_run(name: str) -> RunRecord:
    """The record of a run by its name.

    Raises:
        UsageError: there is no such run.
    """
    records = {record.name: record for record in all_records(runs_folder())}
    if name not in records:
        hint = did_you_mean(name, records) or "ssdh runs lists them"
        raise UsageError(f"no run is called '{name}'", hint=hint)
    return records[name]


def status_of(record: RunRecord) -> RunStatus:
    """How a run stands, by its record, its processes and its log."""
    values = record.values
    end = values.get("exit")
    started = _time(values.get("started"))
    max_iter = values.get("max_iter")
    if isinstance(end, dict):
        ended = _time(end.get("ended"))
        seconds = (ended - started).total_seconds() if ended and started else None
        return RunStatus(
            record,
            end.get("how", "unknown"),
            end.get("iteration"),
            max_iter,
            end.get("accuracy"),
            started,
            seconds,
        )
    summary = _summary(record)
    state = _state(record, summary)
    last = summary.last if summary else None
    iteration = max_iter if state == "done" and max_iter else last
    seconds = summary.log.parser.elapsed if summary and summary.log.parser.has_times else None
    if state == "running" and started is not None:
        seconds = (datetime.datetime.now(datetime.UTC) - started).total_seconds()
    accuracy = _accuracy(summary, values.get("main_outputs")) if summary else None
    return RunStatus(record, state, iteration, max_iter, accuracy, started, seconds)


def is_running(record: RunRecord) -> bool:
    """Whether a process of a run lives; where none was recorded, whether its log is written."""
    marks = [record.values.get("process"), record.values.get("engine_process")]
    if any(marks):
        return any(live_pid(mark) for mark in marks)
    return is_written(record.log)


def end_of(record: RunRecord) -> Callable[[], bool]:
    """A function that says whether a run has ended, for who follows its log."""
    return lambda: not is_running(record)


def stop(record: RunRecord) -> int:
    """Ask a run to write a snapshot and end; the number of the process that was asked.

    Raises:
        EngineError: it does not run, or its process is unknown.
    """
    process, engine = record.values.get("process"), record.values.get("engine_process")
    if pid := live_pid(process):
        # As Ctrl-C, also where a script started it in the background, which ignores SIGINT.
        os.kill(pid, signal.SIGTERM)
        return pid
    if pid := live_pid(engine):
        if not _snapshots_at_end(record):
            os.killpg(pid, signal.SIGHUP)  # the signal that caffe heeds first
        os.killpg(pid, signal.SIGINT)
        return pid
    if is_running(record):
        raise EngineError(
            f"run {record.name} was started without ssdh, so its process is unknown",
            hint="press Ctrl-C where it was started, or send SIGINT to caffe",
        )
    status = status_of(record)
    host = (process or {}).get("host")
    if status.state == "unknown" and host:
        raise EngineError(f"run {record.name} was started on another machine, {host}")
    raise EngineError(f"run {record.name} does not run: its state is {status.state}")


def _snapshots_at_end(record: RunRecord) -> bool:
    try:
        solver = Solver(read_source(str(record.folder / "solver.prototxt")).document)
    except SsdhError:
        return True
    return solver.flag("snapshot_after_train", True)


def _state(record: RunRecord, summary: RunSummary | None) -> RunState:
    end = summary.log.end if summary else "open"
    has_ended = end != "open"
    if not (has_ended and record.is_adopted) and is_running(record):
        return "running"
    if end != "open":
        return end
    return "unknown" if is_elsewhere(record.values.get("process")) else "killed"


def _summary(record: RunRecord) -> RunSummary | None:
    """What the log of a run says: its last run, since a log may hold several."""
    reader = LogReader()
    try:
        for run, event in read_logs([str(record.log)]):
            for _ in reader.rows(run, event):
                pass
    except SsdhError:
        return None
    return reader.summaries[-1] if reader.summaries else None


def _accuracy(summary: RunSummary, main_outputs: list[str] | None) -> float | None:
    """The last accuracy of the main head in a test of the first test net."""
    scores = {
        name: value
        for (phase, net, name), value in summary.outputs.items()
        if phase == "TEST" and not net and name not in summary.loss_outputs
    }
    if main_outputs is not None:
        scores = {name: value for name, value in scores.items() if name in main_outputs}
    if not scores:
        return None
    # Of several heads the last one is the main one; its first accuracy is that of the first class.
    group = list(scores)[-1].rpartition("/")[0]
    return next(value for name, value in scores.items() if name.rpartition("/")[0] == group)


def _time(text: object) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
