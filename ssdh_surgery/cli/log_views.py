"""What logs say of their runs, for people: summaries, and the view of a log that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.live_line import duration
from ssdh_surgery.names import count_text

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.log.log import LogReader, RunSummary

_ENDS = {
    "done": "done",
    "stopped": "stopped early",
    "failed": "failed",
    "open": "the log does not say how it ended",
}


def follow_logs(
    files: Sequence[str],
    reader: LogReader,
    *,
    folder: Path | None = None,
    max_iter: int | None = None,
    is_over: Callable[[], bool] | None = None,
) -> None:
    """Show the events of logs, of which the last one grows.

    Args:
        files: the logs.
        reader: collects what they hold.
        folder: the directory that caffe ran in, None for that of the last log.
        max_iter: the iteration at which the run ends, None if it is unknown.
        is_over: says whether nothing writes the log any more.
    """
    from ssdh_surgery.cli.progress import TrainingView
    from ssdh_surgery.pipeline.log.log import read_logs
    from ssdh_surgery.pipeline.train.run_watch import RunWatch

    watch = RunWatch()
    with TrainingView(folder=folder or Path(files[-1]).parent, max_iter=max_iter) as view:
        for run, event in read_logs(files, follow=True, is_over=is_over):
            for _ in reader.rows(run, event):
                pass
            view.show(event)
            for alarm in watch.feed(event):
                terminal.warn(alarm.message)
    for _ in reader.last_rows():
        pass


def show_summaries(reader: LogReader) -> None:
    """Answer with a paragraph for each run."""
    for number, summary in enumerate(reader.summaries):
        _show(summary, reader, with_space=number > 0)


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
