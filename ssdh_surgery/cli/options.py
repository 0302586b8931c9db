"""Options that several commands share, each as a decorator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ssdh_surgery.cli.types import NAME, DecimalType, InputShapeType, TextType
from ssdh_surgery.pipeline.files.outputs import Mode, WritePlan

if TYPE_CHECKING:
    from ssdh_surgery.data.list_line import SeveralLabels

Command = TypeVar("Command", bound=Callable[..., Any])


def options(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several option decorators as one, in the order in which `--help` lists them."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


hashing_options = options(
    click.option("--bits", type=click.IntRange(1, 65536), help="Width of the code (128)."),
    click.option(
        "--at",
        type=TextType("name"),
        metavar="BLOB",
        help="The blob to hash, if not the features.",
    ),
    click.option(
        "--head",
        type=TextType("name"),
        metavar="LAYER",
        help="The classifier, if not the main one.",
    ),
    click.option(
        "--latent-name",
        type=TextType("name"),
        metavar="NAME",
        help="The latent layer (latent_SSDH).",
    ),
    click.option(
        "--code-name",
        type=TextType("name"),
        metavar="NAME",
        help="The code (latent_SSDH_encode).",
    ),
    click.option(
        "--remove",
        type=click.Choice(["comment", "delete"]),
        help="How layers and fields are taken out (comment).",
    ),
    click.option(
        "--upgrade/--no-upgrade",
        default=None,
        help="Bring nets of Caffe's old dialects to the current one first (no).",
    ),
)

around_options = options(
    click.option(
        "--classes", type=click.IntRange(1), metavar="N", help="Classes of the main classifier."
    ),
    click.option(
        "--aux",
        type=click.Choice(["keep", "drop", "retarget"]),
        help="What becomes of auxiliary heads; retarget: --classes holds for them, too (keep).",
    ),
    click.option(
        "--objective",
        type=click.Choice(["sigmoid", "ssdh"]),
        help="ssdh: terms that force bits apart and let half of them fire (sigmoid).",
    ),
    click.option(
        "--objective-layers",
        type=click.Choice(["stock", "fork"]),
        help="Layers that every Caffe has, or those of the authors' fork (stock).",
    ),
    click.option(
        "--objective-phase",
        type=click.Choice(["both", "train"]),
        help="The phases that have the terms (both).",
    ),
    click.option(
        "--weight-binary",
        type=DecimalType(least=0),
        metavar="X",
        help="Weight of the term that forces bits apart (1).",
    ),
    click.option(
        "--weight-fire",
        type=DecimalType(least=0),
        metavar="X",
        help="Weight of the term that lets half of the bits fire (1).",
    ),
    click.option(
        "--weight-class",
        type=DecimalType(above=0),
        metavar="X",
        help="Factor on the classification loss (1).",
    ),
)

mode_options = options(
    click.option("--dry-run", is_flag=True, help="Write nothing, say what would be written."),
    click.option("--diff", is_flag=True, help="Write nothing, print a unified diff."),
    click.option("--check", is_flag=True, help="Write nothing, exit with 1 on a change."),
)


def writing_options_with(suffix: str) -> Callable[[Command], Command]:
    """The options of a command that adds `suffix` to file names by itself."""
    return options(
        click.option("--suffix", metavar="TEXT", help=f"Added to file names ({suffix})."),
        click.option(
            "--out", type=click.Path(path_type=Path), metavar="DIR", help="Write into DIR."
        ),
        click.option("--in-place", is_flag=True, help="Write over the files that were read."),
        click.option("--force", is_flag=True, help="Replace files that exist."),
        mode_options,
    )


writing_options = writing_options_with("_ssdh")

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
net_option = click.option(
    "--net", type=NAME, metavar="STEM", help="The net of the workspace to use."
)


def write_plan(
    *,
    suffix: str | None,
    out: Path | None,
    in_place: bool,
    force: bool,
    dry_run: bool,
    diff: bool,
    check: bool,
) -> WritePlan:
    """The writing options as one value.

    Raises:
        click.UsageError: two of them contradict each other.
    """
    modes = [
        mode
        for given, mode in (
            (dry_run, Mode.DRY_RUN),
            (diff, Mode.DIFF),
            (check, Mode.CHECK),
        )
        if given
    ]
    if len(modes) > 1:
        raise click.UsageError("--dry-run, --diff and --check exclude each other")
    if in_place and out is not None:
        raise click.UsageError("--in-place and --out exclude each other")
    if suffix == "" and not in_place and out is None:
        raise click.UsageError("an empty --suffix needs --out or --in-place")
    if suffix is not None and ("/" in suffix or "\0" in suffix):
        raise click.UsageError("--suffix is part of a file name: no '/'")
    plan = WritePlan(modes[0] if modes else Mode.WRITE, out, in_place, force)
    return plan if suffix is None else replace(plan, suffix=suffix)


input_shape_option = click.option(
    "--input-shape",
    "input_shapes",
    type=InputShapeType(),
    metavar="NAME=N,C,H,W",
    multiple=True,
    help="The shape of an input or of a data layer's top; may be given for several.",
)


several_labels_options = options(
    click.option(
        "--multi-label", is_flag=True,
        help="Each line of the list has several labels: 0 or 1 for each class.",
    ),
    click.option(
        "--classes", type=click.IntRange(1), metavar="N",
        help="With --multi-label: the labels are numbers of classes, from 0, of so many.",
    ),
)  # fmt: skip


def several_labels(*, multi_label: bool, classes: int | None) -> SeveralLabels | None:
    """How the lines of a list are read; None for one label each.

    Raises:
        click.UsageError: classes for lists of one label.
    """
    if not multi_label:
        if classes is not None:
            raise click.UsageError("--classes goes with --multi-label")
        return None
    from ssdh_surgery.data.list_line import SeveralLabels

    return SeveralLabels(classes)
