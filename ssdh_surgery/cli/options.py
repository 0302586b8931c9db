"""Options that several commands share, as decorators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ssdh_surgery.cli.types import TEXT, InputShapeType

if TYPE_CHECKING:
    from ssdh_surgery.data.list_line import SeveralLabels

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def options(*decorators: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """Several option decorators as one, in the order of `--help`."""

    def decorate(command: Decorated) -> Decorated:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
net_option = click.option("--net", type=TEXT, metavar="STEM", help="Use this net of the workspace.")


input_shape_option = click.option(
    "--input-shape",
    "input_shapes",
    type=InputShapeType(),
    metavar="NAME=N,C,H,W",
    multiple=True,
    help="Set the shape of an input or of a data layer's top; may be repeated.",
)


several_labels_options = options(
    click.option(
        "--multi-label", is_flag=True,
        help="Read several labels from each line of the list: 0 or 1 for each class.",
    ),
    click.option(
        "--classes", type=click.IntRange(1), metavar="N",
        help="With --multi-label, read the labels as numbers of N classes, from 0.",
    ),
)  # fmt: skip


labels_file_option = click.option(
    "--labels-file",
    type=click.Path(path_type=Path),
    metavar="FILE|none",
    help="Read class names from this file, one per line in the order of the labels "
    "(default: labels.txt next to the data or in the workspace).",
)


def several_labels(*, multi_label: bool, classes: int | None) -> SeveralLabels | None:
    """How the lines of a list are read; None for one label a line.

    Raises:
        click.UsageError: --classes without --multi-label.
    """
    if not multi_label:
        if classes is not None:
            raise click.UsageError("--classes needs --multi-label")
        return None
    from ssdh_surgery.data.list_line import SeveralLabels

    return SeveralLabels(classes)
