"""Summaries of a training: its solver, its log, the folder of its run, and the workspace."""

from __future__ import annotations

import collections
import json
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.data.image_list import read_list
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import read_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text, printable, readable
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.log.log import LogReader, RunSummary, read_logs
from ssdh_surgery.pipeline.nets.run_records import RECORD
from ssdh_surgery.pipeline.summary.file_kind import FileKind
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
        FileKind.SOLVER,
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


def of_list(path: Path) -> Summary:
    """The images of a list, their labels, and what is wrong with it, seen from this folder."""
    images = read_list(path)
    labels = collections.Counter(each.label for each in images.entries)
    findings = images.findings
    span = f" from {min(labels)} to {max(labels)}" if labels else ""
    facts = {"labels": count_text(len(labels), "label") + span}
    if images.entries:
        facts["first"] = printable(images.entries[0].path)
    facts |= {each.rule.name: printable(each.message) for each in findings}
    return Summary(
        FileKind.LIST,
        str(path),
        f"list of {count_text(len(images.entries), 'image')}",
        {
            "images": len(images.entries),
            "labels": {str(label): count for label, count in sorted(labels.items())},
            "findings": [each.as_json() for each in findings],
        },
        facts,
    )


def of_log(path: Path) -> Summary:
    """How far the runs of a log got: their last values, their snapshots, and their ends.

    Raises:
        FileError: it cannot be read.
        DataError: no run is in it.
    """
    reader = LogReader()
    for run, event in read_logs([str(path)]):
        collections.deque(reader.rows(run, event), maxlen=0)
    collections.deque(reader.last_rows(), maxlen=0)
    runs = reader.summaries
    title = f"log of a run that {_end_text(runs)}"
    if len(runs) > 1:
        title = f"log of {len(runs)} runs, the last of which {_end_text(runs)}"
    return Summary(
        FileKind.LOG,
        str(path),
        title,
        {
            "runs": list(map(_run_values, runs)),
            "snapshots": [
                {
                    "run": each.run,
                    "iteration": each.iteration,
                    "weights": readable(each.weights),
                    "state": readable(each.state),
                }
                for each in reader.snapshots
            ],
        },
        _run_facts(runs[-1]) if runs else {},
        columns=("iteration", "weights"),
        rows=[
            ("" if each.iteration is None else f"{each.iteration:,}", printable(each.weights))
            for each in reader.snapshots
        ],
        command=f"ssdh log {shlex.quote(str(path))}",
    )


_ENDS = {
    "done": "is complete",
    "stopped": "was stopped",
    "failed": "failed",
    "open": "has not ended, or was killed",
}


def _end_text(runs: Sequence[RunSummary]) -> str:
    return _ENDS[runs[-1].log.end if runs else "open"]


def _run_values(run: RunSummary) -> dict[str, Any]:
    """A run for JSON, which has no numbers that are not finite: they are null."""
    return {
        "run": run.log.number,
        "name": readable(run.log.name),
        "net": readable(run.net),
        "first": run.first,
        "last": run.last,
        "lr": _finite(run.lr),
        "outputs": [
            {"phase": phase, "net": net, "output": readable(output), "value": _finite(value)}
            for (phase, net, output), value in run.outputs.items()
        ],
        "end": run.log.end,
        "message": readable(run.message) or None,
        "resumed_from": readable(run.log.resumed_from) or None,
    }


def _run_facts(run: RunSummary) -> dict[str, str]:
    """A run for people."""
    facts = {"failure": printable(run.message)} if run.message else {}
    if run.last is not None:
        rate = "" if run.lr is None else f", learning rate {run.lr:g}"
        facts["last iteration"] = f"{run.last:,}{rate}"
    for (phase, net, output), value in run.outputs.items():
        label = phase if net is None else f"{phase} {net}"
        words = f"{printable(output)} {value:g}"
        facts[label] = f"{facts[label]}, {words}" if label in facts else words
    return facts


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


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
        FileKind.RUN,
        str(path),
        log.title.replace("log of a run", "run", 1) if log else "run without a log",
        {**start, "log": log.as_json() if log else None},
        {
            "engine": printable(str(start["engine"])),
            "command": printable(words),
            **(log.facts if log else {}),
        },
        columns=log.columns if log else (),
        rows=log.rows if log else (),
        command=log.command if log else None,
    )


def of_workspace(path: Path) -> Summary:
    """The nets that a workspace records."""
    workspace = Workspace(TomlFile(path, read_bytes(path)))
    nets = {stem: record.values for stem, record in workspace.nets.items()}
    keys = ("train", "bits", "code", "deploy")
    return Summary(
        FileKind.WORKSPACE,
        str(path),
        "workspace",
        {"nets": json.loads(json.dumps(nets, default=str))},
        columns=("net", *keys),
        rows=[
            (printable(stem), *(printable(str(values.get(key, ""))) for key in keys))
            for stem, values in nets.items()
        ],
    )
