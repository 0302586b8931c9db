"""`ssdh patch`: a hash layer for a train net, its test nets and its solver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import results, terminal
from ssdh_surgery.cli.options import json_option, net_option
from ssdh_surgery.cli.setting_options import SettingCommand, explicit_settings, setting_options
from ssdh_surgery.cli.types import TEXT
from ssdh_surgery.cli.writing import write_plan, writing_options
from ssdh_surgery.names import printable, shape_text
from ssdh_surgery.pipeline.files.sources import read_source
from ssdh_surgery.pipeline.patch.patch import PatchOptions, patch
from ssdh_surgery.surgery.hashing.presets import PRESETS

if TYPE_CHECKING:
    from ssdh_surgery.caffe.shapes import Shape
    from ssdh_surgery.pipeline.inspect.explain import Explanation


@click.command(
    "patch", epilog="\b\nExample:\n  ssdh patch train_val.prototxt --bits 48", cls=SettingCommand
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@setting_options("patch")
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="Take the settings of a published recipe; options that are set win (default: blog).",
)
@click.option(
    "--solver",
    type=TEXT,
    metavar="FILE",
    help="Patch this solver; 'none' for none (default: the one next to the train net).",
)
@click.option("--explain", is_flag=True, help="Print first what was found in the net, and why.")
@net_option
@writing_options()
@json_option
def command(files: tuple[str, ...], as_json: bool, **values: Any) -> int:
    """Put a hash layer between the features and the classifier of a train net.

    FILE is a train net, a solver, or several files that belong together; `-` is standard
    input, `zoo:NAME` a built-in network. Writes STEM_ssdh.prototxt for each, and ssdh.toml
    for the commands that follow.

    A deploy net alone, with --train-data and --test-data (LMDBs), becomes
    train_val_ssdh.prototxt and solver_ssdh.prototxt: data layers, loss, learning rates, and
    a solver for the number of records, each value explained.
    """
    if values["mean_file"] and values["mean_value"]:
        raise click.UsageError("--mean-file and --mean-value exclude each other")
    plan = write_plan(values, sources=files, as_json=as_json)
    if "-" in files and values["solver"] not in (None, "none"):
        raise click.UsageError("--solver cannot be used with '-': no other file is read")
    options = PatchOptions(
        explicit_settings(values),
        values["solver"],
        values["net"],
        _explain if values["explain"] else None,
    )
    sources = [read_source(name) for name in files]
    return results.show(patch(sources, options, plan), plan, json=as_json)


def _explain(name: str, explanation: Explanation) -> None:
    for line in explanation_lines(name, explanation):
        terminal.say(line)


def explanation_lines(name: str, explanation: Explanation) -> list[str]:
    """What was found in a net before anything is changed, as readable lines."""
    head = explanation.head
    width = max(len(link.layer.name) for link in explanation.chain)
    end = "loss" if head.losses else "classifier"
    lines = [f"{name}: from data to the {end}, in {explanation.state}"]
    for link in explanation.chain:
        output = f" -> {link.blob} {_shape(link.shape)}" if link.blob else ""
        lines.append(f"  {link.layer.name:{width}}  {link.layer.type}{output}")
    judges = [f"'{layer.name}'" for layer in (*head.losses, *head.accuracies)]
    judged = f", judged by {', '.join(judges)}" if judges else ""
    size = "" if explanation.size is None else f": {explanation.size:,} values an image"
    lines += [
        f"  head: '{head.classifier.name}' (line {head.classifier.line}), {head.outputs}{judged}",
        f"  chosen because: {explanation.reason}",
        f"  features: '{explanation.features}', {_shape(explanation.shape)}{size}",
    ]
    if explanation.hash_layer_names:
        latent, code = explanation.hash_layer_names
        lines.append(f"  hash layer: '{latent}' -> '{code}' exists already")
    return [printable(line) for line in lines]


def _shape(shape: Shape | None) -> str:
    return "of unknown shape" if shape is None else shape_text(shape)
