"""`ssdh diff`: the differences in meaning between two nets or two solvers."""

from __future__ import annotations

import click

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.changes import change_json, describe_change
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.options import json_option
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files.sources import NETS, SourceFile, need, read_source
from ssdh_surgery.surgery.core.judge import MESSAGE_OF
from ssdh_surgery.surgery.diff.differences import differences


@click.command(
    "diff",
    cls=Command,
    epilog="\b\nExample:\n  ssdh diff train_val.prototxt train_val_ssdh.prototxt",
)
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@json_option
def command(old: str, new: str, as_json: bool) -> int:
    """List the differences between two nets or two solvers, regardless of their layout.

    Exits with 0 if they mean the same, and with 1 if they differ.
    """
    if old == new == "-":
        raise click.UsageError("only one of the two can be standard input")
    before, after = read_source(old), read_source(new)
    changes = differences(before.document, after.document, _message_name(before, after))
    terminal.warn_of((*before.findings, *after.findings))
    if as_json:
        terminal.answer_json({"changes": list(map(change_json, changes))})
    else:
        for change in changes:
            terminal.prose(describe_change(change))
        if not changes:
            terminal.say("no difference")
    return 1 if changes else 0


def _message_name(before: SourceFile, after: SourceFile) -> str:
    """The name of the message that both files hold.

    Raises:
        SurgeryError: one is a net and the other a solver, or one is neither.
    """
    for source in (before, after):
        need(source, *NETS, Kind.SOLVER)
    names = {MESSAGE_OF[before.kind], MESSAGE_OF[after.kind]}
    if len(names) > 1:
        raise SurgeryError(
            f"this is a {after.kind}, and {before.name} is a {before.kind}: there is nothing to "
            "compare",
            location=Location(after.name),
        )
    return names.pop()
