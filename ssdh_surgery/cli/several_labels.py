"""`--multi-label` and `--classes`: lists whose lines have several labels; shared by commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ssdh_surgery.cli import options as shared

if TYPE_CHECKING:
    from ssdh_surgery.data.list_line import SeveralLabels

several_labels_options = shared.options(
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
