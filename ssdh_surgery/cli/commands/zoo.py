"""`ssdh zoo`: list, print and write the built-in networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ssdh_surgery import files, zoo
from ssdh_surgery.cli import table, terminal, writing
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.options import json_option
from ssdh_surgery.cli.table import Column
from ssdh_surgery.cli.types import WordType
from ssdh_surgery.names import shape_text
from ssdh_surgery.pipeline.files.outputs import Mode, Output, unified_diff, write_all
from ssdh_surgery.zoo import catalogue
from ssdh_surgery.zoo.catalogue import KINDS

_COLUMNS = (
    Column("name"),
    Column("year", rank=2),
    Column("input", is_number=True),
    Column("params", is_number=True),
    Column("title", least=16, keeps_end=False, rank=1),
)


@click.group("zoo", epilog="\b\nExample:\n  ssdh zoo list")
def command() -> None:
    """List, print and write networks, which are checked against the published ones."""


@command.command("list", cls=Command, epilog="\b\nExample:\n  ssdh zoo list")
@json_option
def list_networks(as_json: bool) -> None:
    """List the built-in networks."""
    networks = {name: zoo.find(name) for name in zoo.names()}
    if as_json:
        rows = [
            {
                "name": name,
                "title": each.title,
                "year": each.year,
                "input": list(each.shape),
                "params": each.parameters,
                "source": each.source,
            }
            for name, each in networks.items()
        ]
        terminal.answer_json({"networks": rows})
        return
    table.show(
        _COLUMNS,
        [
            (
                name,
                str(each.year),
                shape_text(each.shape),
                f"{each.parameters / 1e6:,.2f} M params",
                each.title,
            )
            for name, each in networks.items()
        ],
        has_titles=False,
    )


@command.command(
    "show", cls=Command, epilog="\b\nExample:\n  ssdh zoo show googlenet --kind solver"
)
@click.argument("name")
@click.option("--kind", type=WordType(KINDS), help="Print this file (default: train_val).")
def show_network(name: str, kind: catalogue.FileKind | None) -> None:
    """Print a file of a network, chosen by --kind or as NAME/KIND."""
    network, named = zoo.parse_name(name)
    terminal.answer(zoo.text(network, kind or named).removesuffix("\n"))


@command.command("write", cls=Command, epilog="\b\nExample:\n  ssdh zoo write googlenet")
@click.argument("name")
@writing.out_option
@writing.force_option
@writing.mode_options
def write_network(name: str, **values: Any) -> int:
    """Write train_val.prototxt, solver.prototxt and deploy.prototxt of a network."""
    name = name.removeprefix(zoo.PREFIX)
    plan = writing.write_plan(values)
    outputs = [_output(name, kind, plan.out or Path()) for kind in KINDS]
    if plan.mode is Mode.DIFF:
        for output in outputs:
            terminal.answer_diff(unified_diff(output, str(output.path) if output.old else None))
        return 0
    written = write_all(outputs, plan) if plan.mode is Mode.WRITE else []
    for output in outputs:
        terminal.answer(writing.outcome(output, plan, written))
    return int(plan.mode is Mode.CHECK and not all(output.is_written for output in outputs))


def _output(name: str, kind: catalogue.FileKind, folder: Path) -> Output:
    """A file of a network, with what its path holds now."""
    path = folder / catalogue.FILE_NAMES[kind]
    old = files.read_bytes(path) if path.is_file() else b""
    return Output(path, zoo.text(name, kind).encode(), None, old)
