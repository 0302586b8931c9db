"""`ssdh show`: the layers of a net and its heads."""

from __future__ import annotations

from typing import Any

import click

from ssdh_surgery.caffe.phase import Phase
from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.pipeline.show import described
from ssdh_surgery.pipeline.sources import read_source


@click.command("show", epilog="\b\nExample:\n  ssdh show train_val.prototxt --phase TEST")
@click.argument("file", metavar="FILE")
@click.option("--phase", type=click.Choice(["TRAIN", "TEST"]), help="The phase to show.")
@shared.json_option
def command(file: str, phase: Phase | None, as_json: bool) -> None:
    """Show the layers of a net in one phase, and its heads.

    FILE is a net in any of Caffe's dialects; `-` is standard input, `zoo:NAME` a built-in
    network. Without --phase: TRAIN where a layer is in TRAIN only, else TEST.
    """
    told = described(read_source(file), phase)
    if as_json:
        terminal.answer_json(told)
        return
    title = f"{told['name'] or 'unnamed net'}: {len(told['layers'])} layers in {told['phase']}"
    terminal.answer(f"{title} ({told['dialect']} dialect)", bold=True)
    _table(told)
    for head in told["heads"]:
        terminal.answer(_head(head))


def _table(told: dict[str, Any]) -> None:
    marks = {head["classifier"]: "main" if head["main"] else "aux" for head in told["heads"]}
    rows = [
        (
            str(layer["line"]),
            layer["name"],
            layer["type"],
            f"{', '.join(layer['bottoms'])} -> {', '.join(layer['tops'])}".strip(),
            f"<- {marks[layer['name']]} head" if layer["name"] in marks else "",
        )
        for layer in told["layers"]
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    for line, name, kind, flow, mark in rows:
        text = f"{line:>{widths[0]}}  {name:<{widths[1]}}  {kind:<{widths[2]}}  {flow} {mark}"
        terminal.answer(text.rstrip(), **({"fg": "green"} if mark else {}))


def _head(head: dict[str, Any]) -> str:
    judges = ", ".join([*head["losses"], *head["accuracies"]])
    return (
        f"{'main' if head['main'] else 'auxiliary'} head: '{head['features']}' -> "
        f"{head['classifier']} ({head['classes'] or 'unknown'} classes)"
        + (f" -> {judges}" if judges else "")
    )
