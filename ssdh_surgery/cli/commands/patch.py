"""`ssdh patch`: a hash layer for a train net, its test nets and its solver."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import results, terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.options import json_option, net_option
from ssdh_surgery.cli.setting_options import (
    common_settings,
    explicit_settings,
    setting_options,
    setting_sections,
)
from ssdh_surgery.cli.types import TEXT, WordType
from ssdh_surgery.cli.writing import WRITING, write_plan, writing_options
from ssdh_surgery.errors import UsageError, WorkspaceError
from ssdh_surgery.names import printable, shape_text
from ssdh_surgery.pipeline.patch.patch import PatchOptions, patch_files
from ssdh_surgery.pipeline.settings.options import OPTIONS
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.pipeline.workspace.workspace import Workspace
from ssdh_surgery.surgery.hashing.presets import PRESETS

if TYPE_CHECKING:
    from ssdh_surgery.caffe.shapes import Shape
    from ssdh_surgery.pipeline.inspect.explain import Explanation


@click.command(
    "patch",
    cls=Command,
    epilog="\b\nExample:\n  ssdh patch train_val.prototxt --bits 48",
    sections=setting_sections(
        "patch",
        {
            "Objective": ["preset"],
            "Solver": ["solver"],
            "Writing": WRITING,
            "Workspace": ["net", "show_settings", "reset"],
        },
    ),
    common=[*common_settings("patch"), "preset", "solver", "out", "force", "dry_run", "diff"],
)
@click.argument("files", nargs=-1, metavar="FILE...")
@setting_options("patch")
@click.option(
    "--preset",
    type=WordType(list(PRESETS)),
    help="Take the settings of a published recipe; options that are set win (default: blog).",
)
@click.option(
    "--solver",
    type=TEXT,
    metavar="FILE",
    help="Patch this solver; 'none' for none (default: the one next to the train net).",
)
@click.option(
    "--show-settings",
    is_flag=True,
    help="List the settings that ssdh.toml remembers, and change nothing.",
)
@click.option(
    "--reset",
    is_flag=True,
    help="Forget the settings that ssdh.toml remembers; options that are set apply.",
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
    if values["show_settings"]:
        return _show_settings(files, values["net"], as_json=as_json)
    if not files:
        if values["reset"]:
            raise UsageError("--reset needs the net to patch", hint=_reset_command())
        raise click.UsageError("Missing argument 'FILE...'.")
    if values["mean_file"] and values["mean_value"]:
        raise click.UsageError("--mean-file and --mean-value exclude each other")
    plan = write_plan(values, sources=files, as_json=as_json)
    if "-" in files and values["solver"] not in (None, "none"):
        raise click.UsageError("--solver cannot be used with '-': no other file is read")
    options = PatchOptions(
        explicit_settings(values),
        values["solver"],
        values["net"],
        values["reset"],
        _explain if values["explain"] else None,
    )
    return results.show(patch_files(files, options, plan), plan, json=as_json)


def _show_settings(files: Sequence[str], net: str | None, *, as_json: bool) -> int:
    """List the settings of the recorded nets, of those that the files belong to, or of one."""
    workspace = Workspace.find()
    if workspace is None:
        raise WorkspaceError("no ssdh.toml here or above", hint="ssdh patch FILE writes one")
    chosen = [workspace.net(net, Path(name)) for name in files] or (
        list(workspace.nets.values()) if net is None else [workspace.net(net)]
    )
    records = [each for each in chosen if each is not None]
    if as_json:
        terminal.answer_json(
            {
                "workspace": str(relative_to_cwd(workspace.path)),
                "nets": {each.stem: each.settings.by_key() for each in records},
            }
        )
        return 0
    for record in records:
        terminal.answer(f"{record.stem}: settings in {relative_to_cwd(workspace.path)}", bold=True)
        for name, value in record.settings.values.items():
            option = OPTIONS[name]
            is_default = option.default_text == option.type.to_text(value)
            terminal.answer(f"  {shlex.join(option.words(value))}{'  (default)' * is_default}")
    return 0


def _reset_command() -> str:
    """The command that patches the recorded net without its settings."""
    workspace = Workspace.find()
    record = next(iter(workspace.nets.values()), None) if workspace else None
    source = None if record is None else record.source_argument("train")
    return f"ssdh patch {shlex.quote(source or 'train_val.prototxt')} --reset --force"


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
    size = "" if explanation.size is None else f": {explanation.size:,} values per image"
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
