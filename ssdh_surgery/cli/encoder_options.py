"""Options that say which net makes codes and what is done to its input; shared by commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli.size import SizeType

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.encoder import Encoder, EncoderOptions

_FILE = click.Path(path_type=Path)
NAMES = (
    *("deploy", "weights", "blob", "net", "engine"),
    *("resize", "crop", "mean_value", "mean_file", "scale", "batch"),
)

encoder_options = shared.options(
    click.option("--deploy", type=_FILE, metavar="NET", help="The deploy net (ssdh.toml's)."),
    click.option("--weights", type=_FILE, metavar="FILE", help="Its weights (newest snapshot)."),
    click.option("--blob", metavar="NAME", help="The blob that holds the code (ssdh.toml's)."),
    click.option("--resize", type=SizeType(), help="Warp pictures to this before the crop."),
    click.option("--crop", type=click.IntRange(0), metavar="N", help="Crop from the centre."),
    click.option(
        "--mean-value",
        type=shared.NumbersType((1, 3)),
        metavar="B,G,R",
        help="Subtract a value from each channel.",
    ),
    click.option("--mean-file", type=_FILE, metavar="FILE", help="Subtract a mean picture."),
    click.option("--scale", type=float, metavar="X", help="Multiply by this after the mean."),
    click.option("--batch", type=click.IntRange(1), default=32, help="Pictures at a time (32)."),
    click.option(
        "--engine", type=click.Choice(["auto", "torch", "pycaffe"]), default="auto",
        help="What runs the net.",
    ),
    shared.net_option,
)  # fmt: skip


def options_of(given: dict[str, Any]) -> EncoderOptions:
    """The options as one value; takes them out of `given`.

    Raises:
        click.UsageError: two of them exclude each other.
    """
    from ssdh_surgery.pipeline.encoder import EncoderOptions

    values = {name: given.pop(name) for name in NAMES}
    if values["mean_value"] is not None and values["mean_file"] is not None:
        raise click.UsageError("--mean-value and --mean-file exclude each other")
    if values["mean_value"] is not None:
        values["mean_value"] = [float(each) for each in values["mean_value"]]
    return EncoderOptions(**values)


def transform_words(encoder: Encoder) -> str:
    """What is done to a picture, in one line."""
    stated = encoder.transform
    steps = []
    if encoder.resize is not None:
        steps.append("warp pictures to {}x{}".format(*encoder.resize))
    if stated["crop"]:
        steps.append(f"crop {stated['crop']} from the centre")
    if stated["mean_file"]:
        steps.append(f"subtract {stated['mean_file']}")
    elif stated["mean_value"]:
        steps.append("subtract " + ",".join(f"{each:g}" for each in stated["mean_value"]))
    if stated["scale"] is not None:
        steps.append(f"multiply by {stated['scale']:g}")
    return ", ".join([*steps, f"channels {stated['channels']}"])
