"""`ssdh log`: the runs in one or several logs of any Caffe."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ssdh_surgery.engines import events
from ssdh_surgery.engines.log_runs import LogRuns, RunLog
from ssdh_surgery.errors import DataError, file_errors
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.log.rows import LogRow, RowCollector

_POLL_SECONDS = 0.2
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class LogSnapshot:
    """A snapshot that a run wrote, with its files as the log names them."""

    run: int
    iteration: int | None
    weights: str
    state: str


@dataclass
class RunSummary:
    """What is known of a run once its lines are read.

    Attributes:
        log: the run.
        net: the name of its net; empty if the log doesn't say.
        first: the first iteration that it logged.
        last: the last one.
        outputs: the last value of each output, by phase, test net and name.
        lr: the last learning rate.
        warnings: the number of warnings and errors in it.
        message: why it failed, in Caffe's words.
        loss_outputs: the outputs that are terms of the loss.
    """

    log: RunLog
    net: str = ""
    first: int | None = None
    last: int | None = None
    outputs: dict[tuple[str, int | None, str], float] = field(default_factory=dict)
    lr: float | None = None
    warnings: int = 0
    message: str = ""
    loss_outputs: set[str] = field(default_factory=lambda: {"loss"})

    def note(self, event: events.Event) -> None:
        """Take in an event of the run."""
        match event:
            case events.TrainingStart():
                self.net = event.net
            case events.Iteration():
                self.first = event.iteration if self.first is None else self.first
                self.last = event.iteration
            case events.LearningRate():
                self.lr = event.rate
            case events.NetOutput():
                if event.loss_weight is not None:
                    self.loss_outputs.add(event.name)
            case events.LogWarning():
                self.warnings += 1
            case events.Fatal():
                self.message = event.message
            case _:
                pass

    def note_row(self, row: LogRow) -> None:
        """Take in a row of the run."""
        self.outputs[row.phase, row.net, row.output] = row.value

    @property
    def is_run(self) -> bool:
        """Whether it has anything of a run; what stands around the runs of a log has not."""
        return bool(self.outputs or self.net or self.log.end != "open")


class LogReader:
    """Collects what logs hold from their events; `snapshots` and `summaries` grow with them."""

    def __init__(self) -> None:
        self.snapshots: list[LogSnapshot] = []
        self._collectors: dict[int, RowCollector] = {}
        self._summaries: dict[int, RunSummary] = {}

    def rows(self, run: RunLog, event: events.Event) -> Iterator[LogRow]:
        """The rows that are complete with the next event."""
        if run.number not in self._collectors:
            self._collectors[run.number] = RowCollector(run.number)
            self._summaries[run.number] = RunSummary(run)
        summary = self._summaries[run.number]
        summary.note(event)
        if isinstance(event, events.Snapshot):
            self.snapshots.append(_snapshot(event, summary))
        elapsed = event.elapsed if run.parser.has_times else None
        for row in self._collectors[run.number].feed(event, elapsed):
            summary.note_row(row)
            yield row

    def last_rows(self) -> Iterator[LogRow]:
        """The rows that still wait for their learning rate at the end of the logs."""
        for number, collector in self._collectors.items():
            for row in collector.flush():
                self._summaries[number].note_row(row)
                yield row

    @property
    def summaries(self) -> list[RunSummary]:
        """The runs that have been read, in the order of their first lines."""
        return [each for each in self._summaries.values() if each.is_run]


def read_logs(
    files: Sequence[str], *, follow: bool = False, is_over: Callable[[], bool] | None = None
) -> Iterator[tuple[RunLog, events.Event]]:
    """The events of logs with their runs, in the order of the lines; `-` is standard input.

    With `follow`, the last log is read as it grows, until the runs in it have ended, or `is_over`
    says that nothing writes it any more.

    Raises:
        FileError: a log cannot be read.
        DataError: none of them holds a run of Caffe.
    """
    runs = LogRuns()
    is_empty = True
    for number, name in enumerate(files):
        runs.begin_file(name)
        with file_errors(name, "read"), _open(name) as file:
            is_followed = follow and number == len(files) - 1
            for text in _growing(file, runs, is_over) if is_followed else file:
                run, found = runs.feed(text)
                for event in found:
                    is_empty = is_empty and isinstance(event, events.LogWarning | events.Device)
                    yield run, event
    if is_empty:
        raise DataError(
            "no run of Caffe is in this log",
            location=Location(files[0]),
            hint="the log is what caffe writes to stderr: caffe train ... 2>&1 | tee log",
        )


def _open(name: str) -> IO[str]:
    if name == "-":
        sys.stdin.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
        return sys.stdin
    with open(name, "rb") as file:
        # What the shell of Windows writes with `>`.
        encoding = "utf-16" if file.read(2) in _UTF16 else "utf-8"
    return open(name, encoding=encoding, errors="surrogateescape", newline="\n")


def _growing(file: IO[str], runs: LogRuns, is_over: Callable[[], bool] | None) -> Iterator[str]:
    """The lines of a log that is still written, until its runs have ended."""
    rest, is_complete = "", False
    while True:
        text = file.readline()
        if text.endswith("\n"):
            yield rest + text
            rest = ""
        elif text:
            rest += text
        elif is_complete or (runs.runs and all(run.end != "open" for run in runs.runs)):
            break
        elif is_over is not None and is_over():
            is_complete = True  # but for what was written since the last line was read
        else:
            time.sleep(_POLL_SECONDS)
    if rest:
        yield rest


def _snapshot(event: events.Snapshot, summary: RunSummary) -> LogSnapshot:
    match = re.search(r"_iter_(\d+)", Path(event.state).name)
    iteration = int(match[1]) if match else summary.last
    return LogSnapshot(summary.log.number, iteration, event.weights, event.state)


def logs_as_json(reader: LogReader, rows: Sequence[LogRow]) -> dict[str, Any]:
    """The answer of `log --json`; JSON has no numbers that are not finite, so they are null."""
    return {
        "rows": [
            row._asdict() | ({} if math.isfinite(row.value) else {"value": None}) for row in rows
        ],
        "snapshots": [vars(each) for each in reader.snapshots],
        "ends": [{"run": each.log.number, "how": each.log.end} for each in reader.summaries],
        "runs": [
            {
                "run": each.log.number,
                "file": each.log.file,
                "name": each.log.name,
                "net": each.net,
                "resumed_from": each.log.resumed_from or None,
                "message": each.message or None,
            }
            for each in reader.summaries
        ],
    }
