"""`ssdh zoo`: networks that are built in, listed, shown and written."""

from __future__ import annotations

from pathlib import Path

import click

from ssdh_surgery import zoo
from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.pipeline.outputs import Output, WritePlan, write_all


@click.group("zoo", epilog="\b\nExample:\n  ssdh zoo list")
def command() -> None:
    """Networks generated from compact tables and checked against the published ones."""


@command.command("list", epilog="\b\nExample:\n  ssdh zoo list")
@shared.json_option
def list_networks(as_json: bool) -> None:
    """List the networks."""
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
    width = max(map(len, networks))
    for name, each in networks.items():
        size = "x".join(map(str, each.shape))
        millions = f"{each.parameters / 1e6:,.2f} M params"
        terminal.answer(f"{name:<{width}}  {each.year}  {size:>9}  {millions:>16}  {each.title}")


@command.command("show", epilog="\b\nExample:\n  ssdh zoo show googlenet --kind solver")
@click.argument("name")
@click.option("--kind", type=click.Choice(zoo.KINDS), default="train_val", help="Which file.")
def show_network(name: str, kind: str) -> None:
    """Print a file of a network."""
    terminal.answer(zoo.text(name, kind).removesuffix("\n"))


@command.command("write", epilog="\b\nExample:\n  ssdh zoo write googlenet")
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write into DIR.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
def write_network(name: str, out: Path | None, force: bool) -> None:
    """Write train_val.prototxt, solver.prototxt and deploy.prototxt of a network."""
    folder = out or Path()
    outputs = [
        Output(folder / zoo.FILE_NAMES[kind], zoo.text(name, kind).encode(), None)
        for kind in zoo.KINDS
    ]
    written = write_all(outputs, WritePlan(force=force))
    for output in outputs:
        done = "wrote" if output.path in written else "is up to date:"
        terminal.answer(f"{done} {output.path}")
