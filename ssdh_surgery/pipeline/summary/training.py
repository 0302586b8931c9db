"""Summaries of a training: its solver, its log, the folder of its run, and the workspace."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.engines import events
from ssdh_surgery.engines.log_parser import LogParser
from ssdh_surgery.errors import DataError, file_errors
from ssdh_surgery.files import read_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_text, printable, readable
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.nets.run_records import RECORD
from ssdh_surgery.pipeline.summary.content import Content
from ssdh_surgery.pipeline.summary.summary import Summary
from ssdh_surgery.pipeline.workspace.toml_file import TomlFile
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.surgery.diff.differences import native_message

_RUN_KEYS = ("engine", "command", "cwd", "solver", "snapshot_prefix")


def of_solver(source: SourceFile) -> Summary:
    """The nets of a solver, and all of its fields."""
    solver = Solver(source.document)
    fields = native_message(solver.root, "SolverParameter")
    nets = [{"field": each.field, "file": readable(each.path)} for each in solver.nets]
    inner = [name for name, _ in solver.inner_nets]
    rows = [
        (printable(name), printable(_text(value)))
        for name, value in fields.items()
        if name not in inner
    ]
    return Summary(
        Content.SOLVER,
        source.name,
        "solver of " + (", ".join(printable(each.path) for each in solver.nets) or "no net file"),
        {"nets": nets, "inner_nets": inner, "fields": fields},
        {"nets inside": ", ".join(inner)} if inner else {},
        columns=("field", "value"),
        rows=rows,
        command=None if source.path is None else f"ssdh check {shlex.quote(source.name)}",
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def of_log(path: Path) -> Summary:
    """How far the run of a log got: the last values, the snapshots, and its end."""
    with file_errors(path, "read"), open(path, "rb") as file:
        record = _LogRecord()
        record.read(name_text(line) for line in file)
    return Summary(
        Content.LOG,
        str(path),
        f"log of a run that {_ENDS[record.end]}",
        record.values(),
        record.facts(),
        columns=("iteration", "weights") if record.snapshots else (),
        rows=[(f"{number:,}", printable(weights)) for number, weights, _ in record.snapshots],
    )


_ENDS = {
    "done": "is complete",
    "stopped": "was stopped",
    "failed": "failed",
    "open": "has not ended, or was killed",
}


class _LogRecord:
    """The last values of a log, its snapshots and its end."""

    def __init__(self) -> None:
        self.net: str | None = None
        self.weights: str | None = None
        self.iteration: int | None = None
        self.loss: float | None = None
        self.rate: float | None = None
        self.tests: dict[int, dict[str, float]] = {}
        self.tested: int | None = None
        self.snapshots: list[tuple[int, str, str]] = []
        self.end = "open"
        self.failure: str | None = None
        self.elapsed = 0.0

    def read(self, lines: Iterable[str]) -> None:
        """Take in the lines of a log."""
        parser = LogParser()
        for line in lines:
            for event in parser.feed(line):
                self._take(event)
        self.elapsed = parser.elapsed

    def _take(self, event: events.Event) -> None:
        match event:
            case events.TrainingStart():
                # Of several runs in one file, the last counts.
                self.net, self.end, self.failure = event.net, "open", None
            case events.WeightsLoad():
                self.weights = event.weights
            case events.Iteration():
                self.iteration, self.loss = event.iteration, event.loss
            case events.LearningRate():
                self.rate = event.rate
            case events.TestStart():
                self.tests.pop(event.net, None)
                self.tested = event.iteration
            case events.TestOutput():
                self.tests.setdefault(event.net, {})[event.name] = event.value
            case events.Snapshot():
                number = self.iteration or 0
                self.snapshots.append((_number(event.state, number), event.weights, event.state))
            case events.TrainingEnd():
                self.end = "stopped" if event.is_early else "done"
            case events.Fatal():
                self.end, self.failure = "failed", event.message
            case _:
                pass

    def values(self) -> dict[str, Any]:
        """The record for JSON; not-a-number is null, as JSON has none."""
        return {
            "net": None if self.net is None else readable(self.net),
            "weights": None if self.weights is None else readable(self.weights),
            "iteration": self.iteration,
            "loss": _finite(self.loss),
            "lr": _finite(self.rate),
            "tested": self.tested,
            "tests": [
                {
                    "net": net,
                    "outputs": {readable(name): _finite(value) for name, value in values.items()},
                }
                for net, values in sorted(self.tests.items())
            ],
            "snapshots": [
                {"iteration": number, "weights": readable(weights), "state": readable(state)}
                for number, weights, state in self.snapshots
            ],
            "end": self.end,
            "message": None if self.failure is None else readable(self.failure),
            "elapsed": round(self.elapsed, 3),
        }

    def facts(self) -> dict[str, str]:
        """The record for people."""
        facts = {}
        if self.failure is not None:
            facts["failure"] = printable(self.failure)
        if self.iteration is not None:
            rate = "" if self.rate is None else f", learning rate {self.rate:g}"
            facts["last iteration"] = f"{self.iteration:,}, loss {self.loss:g}{rate}"
        for net, outputs in sorted(self.tests.items()):
            values = ", ".join(f"{printable(name)} {value:g}" for name, value in outputs.items())
            facts[f"last test of net {net}"] = f"{values} (iteration {self.tested:,})"
        facts["time"] = f"{self.elapsed:,.0f} s"
        return facts


def _number(state: str, default: int) -> int:
    """The iteration that the name of a snapshot ends in."""
    number = state.rpartition("_iter_")[2].partition(".")[0]
    return int(number) if number.isascii() and number.isdecimal() else default


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None


def of_run(path: Path) -> Summary:
    """The record of a run with the summary of its log."""
    where = Location(str(path / RECORD))
    try:
        record = json.loads(read_bytes(path / RECORD))
    except ValueError as error:
        raise DataError(f"is not JSON: {error}", location=where) from error
    if not isinstance(record, dict):
        raise DataError("is not the record of a run", location=where)
    log = of_log(path / "train.log") if (path / "train.log").is_file() else None
    start = {key: record.get(key) for key in _RUN_KEYS}
    command = start["command"]
    words = shlex.join(map(str, command)) if isinstance(command, list) else str(command)
    return Summary(
        Content.RUN,
        str(path),
        f"run that {_ENDS[log.values['end']]}" if log else "run without a log",
        {**start, "log": log.as_json() if log else None},
        {
            "engine": printable(str(start["engine"])),
            "command": printable(words),
            **(log.facts if log else {}),
        },
        columns=log.columns if log else (),
        rows=log.rows if log else (),
    )


def of_workspace(path: Path) -> Summary:
    """The nets that a workspace records."""
    workspace = Workspace(TomlFile(path, read_bytes(path)))
    nets = {stem: record.values for stem, record in workspace.nets.items()}
    keys = ("train", "bits", "code", "deploy")
    return Summary(
        Content.WORKSPACE,
        str(path),
        "workspace",
        {"nets": json.loads(json.dumps(nets, default=str))},
        columns=("net", *keys),
        rows=[
            (printable(stem), *(printable(str(values.get(key, ""))) for key in keys))
            for stem, values in nets.items()
        ],
    )
