"""Options that several commands share, as decorators."""

from __future__ import annotations

import os
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


def _bound_pixels(context: click.Context, option: click.Parameter, count: int | None) -> None:
    """Set OpenCV's own bound, which it reads when it is imported; worker processes inherit it."""
    if count is not None:
        from ssdh_surgery.data.image import MAX_PIXELS_VARIABLE

        os.environ[MAX_PIXELS_VARIABLE] = str(count)


max_pixels_option = click.option(
    "--max-pixels",
    type=click.IntRange(1),
    metavar="N",
    expose_value=False,
    callback=_bound_pixels,
    help="Refuse images of more than N pixels (default: 268,435,456).",
)


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
