"""`ssdh log`: the runs in logs of Caffe: summaries, or every number as CSV or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.options import json_option
from ssdh_surgery.names import count_text

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.log.log import LogReader, RunSummary
    from ssdh_surgery.pipeline.log.rows import LogRow

# Rows that are printed at once.
_CHUNK = 2000
_ENDS = {
    "done": "done",
    "stopped": "stopped early",
    "failed": "failed",
    "open": "the log does not say how it ended",
}


@click.command(
    "log",
    cls=Command,
    epilog="\b\nExample:\n  ssdh log train.log --csv",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--csv", "as_csv", is_flag=True, help="Print a row for each iteration and output.")
@click.option("--follow", is_flag=True, help="Read on while the log grows, until the run ends.")
@json_option
def command(files: tuple[str, ...], as_csv: bool, follow: bool, as_json: bool) -> None:
    """Read the logs of any Caffe: BVLC since 2013, NVCaffe, IntelCaffe, the embedded engine.

    A log may hold several runs, one after the other or mixed.
    """
    from ssdh_surgery.pipeline.log.log import LogReader

    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    if follow and as_json:
        raise click.UsageError("--follow prints rows as they come: use --csv, or neither")
    reader = LogReader()
    if as_csv:
        _print_csv(_rows(files, reader, follow), at_once=follow)
    elif as_json:
        from ssdh_surgery.pipeline.log.log import logs_as_json

        terminal.answer_json(logs_as_json(reader, list(_rows(files, reader, follow))))
    elif follow:
        _follow(files, reader)
    else:
        for _ in _rows(files, reader, follow):
            pass
    if not as_csv and not as_json:
        for number, summary in enumerate(reader.summaries):
            _show(summary, reader, with_space=number > 0)


def _rows(files: tuple[str, ...], reader: LogReader, follow: bool) -> Iterator[LogRow]:
    from ssdh_surgery.pipeline.log.log import read_logs

    for run, event in read_logs(files, follow=follow):
        yield from reader.rows(run, event)
    yield from reader.last_rows()


def _print_csv(rows: Iterator[LogRow], *, at_once: bool) -> None:
    from ssdh_surgery.pipeline.log.rows import LogRow

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LogRow._fields)
    if at_once:
        _print_and_clear(text)
    for number, row in enumerate(rows, 1):
        writer.writerow(row)
        if at_once or number % _CHUNK == 0:
            _print_and_clear(text)
    _print_and_clear(text)


def _print_and_clear(text: io.StringIO) -> None:
    if text.tell():
        terminal.answer(text.getvalue().removesuffix("\n"))
        text.seek(0)
        text.truncate()


def _follow(files: tuple[str, ...], reader: LogReader) -> None:
    from ssdh_surgery.cli.progress import TrainingView
    from ssdh_surgery.pipeline.log.log import read_logs
    from ssdh_surgery.pipeline.train.run_watch import RunWatch

    watch = RunWatch()
    with TrainingView(folder=Path(files[-1]).parent, max_iter=None) as view:
        for run, event in read_logs(files, follow=True):
            for _ in reader.rows(run, event):
                pass
            view.show(event)
            for alarm in watch.feed(event):
                terminal.warn(alarm.message)
    for _ in reader.last_rows():
        pass


def _show(summary: RunSummary, reader: LogReader, *, with_space: bool) -> None:
    log = summary.log
    if with_space:
        terminal.answer("")
    name = f" {log.name}" if log.name else ""
    net = f", {summary.net}" if summary.net else ""
    place = terminal.path_text(Path(log.file)) if log.file != "-" else "<stdin>"
    terminal.answer(f"run {log.number}{name} of {place}{net}: {_ENDS[log.end]}")
    for text in _lines(summary, reader):
        terminal.answer(f"  {text}")


def _lines(summary: RunSummary, reader: LogReader) -> Iterator[str]:
    from ssdh_surgery.cli.live_line import duration

    log = summary.log
    if summary.message:
        yield summary.message.strip()
    if log.resumed_from:
        yield f"resumed from {log.resumed_from}"
    if summary.first is not None and summary.last is not None:
        span = f"iterations {summary.first:,} to {summary.last:,}"
        time = f" in {duration(log.parser.elapsed)}" if log.parser.has_times else ""
        rate = "" if summary.lr is None else f", learning rate {summary.lr:g} at the end"
        yield f"{span}{time}{rate}"
    for (phase, net), outputs in _by_net(summary).items():
        label = phase if net is None else f"{phase} {net}"
        yield f"{label}: " + ", ".join(f"{name} {value:g}" for name, value in outputs.items())
    snapshots = [each for each in reader.snapshots if each.run == log.number]
    if snapshots:
        last = snapshots[-1]
        yield f"{count_text(len(snapshots), 'snapshot')}, the last {last.weights}, {last.state}"
    if summary.warnings:
        yield count_text(summary.warnings, "warning")


def _by_net(summary: RunSummary) -> dict[tuple[str, int | None], dict[str, Any]]:
    """The last values of the outputs of each net, test nets by number."""
    nets: dict[tuple[str, int | None], dict[str, Any]] = {}
    for (phase, net, output), value in summary.outputs.items():
        nets.setdefault((phase, net), {})[output] = value
    return dict(sorted(nets.items(), key=lambda net: net[0] != ("TRAIN", None)))
