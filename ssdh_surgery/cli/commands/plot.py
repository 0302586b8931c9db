"""`ssdh plot`: the curves of the runs in logs of Caffe, as a file or in the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.types import OutputPath
from ssdh_surgery.cli.writing import force_option

if TYPE_CHECKING:
    from ssdh_surgery.report.training_curves import RunCurves

# Columns where no terminal says how many it has.
_COLUMNS = 100


@click.command("plot", cls=Command, epilog="\b\nExample:\n  ssdh plot train.log -o train.svg")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-o",
    "--output",
    type=OutputPath("a plot", ".png", ".svg", ".pdf"),
    metavar="FILE",
    help="Draw into this PNG, SVG or PDF (default: in the terminal).",
)
@click.option(
    "--classes",
    type=click.IntRange(2),
    metavar="N",
    help="Draw the loss of a guess among N classes (default: those of the net in the log).",
)
@force_option
def command(files: tuple[str, ...], output: Path | None, classes: int | None, force: bool) -> None:
    """Plot the losses, scores and learning rates in logs of any Caffe, runs over each other.

    A test is drawn beside the training, a run that was resumed is one curve, and a dotted line
    is the loss of a net that guesses: ln(classes).
    """
    from ssdh_surgery.files import refuse_existing
    from ssdh_surgery.pipeline.log.curves import CurveCollector
    from ssdh_surgery.pipeline.log.log import read_logs

    if output is not None:
        refuse_existing(output, force=force)
    collector = CurveCollector(classes)
    for run, event in read_logs(files):
        collector.note(run, event)
    _draw(collector.runs(), files, output)


def _draw(runs: Sequence[RunCurves], files: Sequence[str], output: Path | None) -> None:
    if output is None:
        from ssdh_surgery.report.terminal_curves import curves_text

        columns = terminal.width() or _COLUMNS
        if terminal.is_colored(sys.stdout) and terminal.can_print("\u28ff"):
            terminal.answer_bytes(f"{curves_text(runs, columns, is_colored=True)}\n".encode())
        else:
            terminal.answer(curves_text(runs, columns, is_colored=False))
        return
    from ssdh_surgery.files import write_bytes
    from ssdh_surgery.report.training_curves import draw_runs

    title = ", ".join(Path(name).name for name in files)
    write_bytes(output, draw_runs(runs, title, output.suffix.lower()))
    terminal.answer(f"wrote {terminal.path_text(output)}")
