"""`ssdh runs`: list, show, follow, stop and adopt runs of training."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ssdh_surgery.cli import table, terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.live_line import duration
from ssdh_surgery.cli.options import json_option
from ssdh_surgery.cli.run_views import follow_run, run_progress, show_run, stop_run
from ssdh_surgery.cli.table import Column
from ssdh_surgery.errors import UsageError
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.runs.runs import RunStatus

_COLUMNS = (
    Column("name"),
    Column("state"),
    Column("iteration", is_number=True),
    Column("accuracy", is_number=True),
    Column("time", is_number=True, rank=1),
    Column("started", rank=2),
)


class _Runs(click.Group):
    """A group that lists the runs where no other command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of the command line; `list` is the first of them if none is a command."""
        is_help = any(each in ("-h", "--help") for each in args)
        if not is_help and not (args and not args[0].startswith("-")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("runs", cls=_Runs, epilog="\b\nExample:\n  ssdh runs")
def command() -> None:
    """List the runs in runs/, and show, follow or stop one of them.

    runs/ is beside ssdh.toml, else in the current directory. Without a command, all are listed.
    """


@command.command("list", cls=Command, epilog="\b\nExample:\n  ssdh runs list")
@json_option
def list_runs(as_json: bool) -> None:
    """List the runs, the oldest first: state, iteration, accuracy, time."""
    from ssdh_surgery.pipeline.nets.run_records import all_records
    from ssdh_surgery.pipeline.runs.runs import runs_folder, status_of

    folder = runs_folder()
    statuses = [status_of(record) for record in all_records(folder)]
    if as_json:
        terminal.answer_json({"runs": [status.as_json() for status in statuses]})
        return
    if not statuses:
        place = path_in_shell(str(relative_to_cwd(folder / "runs")))
        terminal.say(f"no runs in {place}: ssdh train starts one")
        return
    table.show(_COLUMNS, [_row(status) for status in statuses])


def _row(status: RunStatus) -> tuple[str, ...]:
    return (
        status.record.name,
        status.state,
        run_progress(status),
        "" if status.accuracy is None else f"{status.accuracy:.4g}",
        "" if status.seconds is None else duration(status.seconds),
        "" if status.started is None else f"{status.started.astimezone():%Y-%m-%d %H:%M}",
    )


@command.command("show", cls=Command, epilog="\b\nExample:\n  ssdh runs show solver_ssdh-1")
@click.argument("run", metavar="NAME")
@json_option
def show_command(run: str, as_json: bool) -> None:
    """Show how a run stands, and what it was started with."""
    from ssdh_surgery.pipeline.runs.runs import find_run, status_of

    record = find_run(run)
    if as_json:
        answer = {"run": status_of(record).as_json(), "record": dict(record.values)}
        terminal.answer_json(answer)
        return
    show_run(record)


@command.command("follow", cls=Command, epilog="\b\nExample:\n  ssdh runs follow solver_ssdh-1")
@click.argument("run", metavar="NAME")
def follow_command(run: str) -> None:
    """Read the log of a run while it grows, until the run ends. Ctrl-C leaves the run alone."""
    from ssdh_surgery.pipeline.runs.runs import find_run

    follow_run(find_run(run))


@command.command("stop", cls=Command, epilog="\b\nExample:\n  ssdh runs stop solver_ssdh-1")
@click.argument("run", metavar="NAME")
def stop_command(run: str) -> None:
    """Ask a run to write a snapshot and stop, as Ctrl-C does. A second request kills it."""
    from ssdh_surgery.pipeline.runs.runs import find_run

    stop_run(find_run(run))


@command.command("adopt", cls=Command, epilog="\b\nExample:\n  ssdh runs adopt train.log")
@click.argument("log", metavar="LOG", type=click.Path(path_type=Path))
def adopt_run(log: Path) -> None:
    """List a run that was started without ssdh, as by `caffe train ... 2>&1 | tee LOG`.

    The log stays where it is and may still grow.
    """
    from ssdh_surgery.pipeline.runs.adopt import adopt

    if str(log) == "-":
        raise UsageError("standard input cannot be adopted: name the log's file")
    name, is_new = adopt(log)
    terminal.answer(f"run {name}" if is_new else f"run {name} has this log already")
