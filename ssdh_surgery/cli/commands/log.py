"""`ssdh log`: the runs in logs of Caffe: summaries, or every number as CSV or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.log_views import follow_logs, show_summaries
from ssdh_surgery.cli.options import json_option

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.log.log import LogReader
    from ssdh_surgery.pipeline.log.rows import LogRow

# Rows that are printed at once.
_CHUNK = 2000


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
        follow_logs(files, reader)
    else:
        for _ in _rows(files, reader, follow):
            pass
    if not as_csv and not as_json:
        show_summaries(reader)


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
