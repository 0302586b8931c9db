"""Options that say which net makes codes and what is done to its input; shared by commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import types
from ssdh_surgery.cli.types import GpuType, ResizeType, ScaleType
from ssdh_surgery.pipeline.settings.value_types import Numbers

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.encode.encoder import EncoderOptions
    from ssdh_surgery.pipeline.encode.transform import TransformOptions

_FILE = click.Path(path_type=Path)
_OF_NET = ("deploy", "weights", "blob", "net", "engine", "gpu", "caffe", "batch")
_OF_TRANSFORM = ("resize", "crop", "mean_value", "mean_file", "scale", "channels")


transform_options = shared.options(
    click.option("--resize", type=ResizeType(), help="Warp pictures to this before the crop."),
    click.option("--crop", type=click.IntRange(0), metavar="N", help="Crop from the centre."),
    click.option(
        "--mean-value",
        type=types.ValueParam(Numbers((1, 3))),
        metavar="B,G,R",
        help="Subtract a value from each channel.",
    ),
    click.option("--mean-file", type=_FILE, metavar="FILE", help="Subtract a mean picture."),
    click.option("--scale", type=ScaleType(), help="Multiply by this after the mean."),
    click.option(
        "--channels", type=click.Choice(["BGR", "RGB"]),
        help="Their order in the net's input (ssdh.toml's; Caffe's is BGR).",
    ),
)  # fmt: skip

encoder_options = shared.options(
    click.option("--deploy", type=_FILE, metavar="NET", help="The deploy net (ssdh.toml's)."),
    click.option("--weights", type=_FILE, metavar="FILE", help="Its weights (newest snapshot)."),
    click.option("--blob", metavar="NAME", help="The blob that holds the code (ssdh.toml's)."),
    transform_options,
    click.option(
        "--crops", type=click.Choice(["1", "10"]), default="1",
        help="10: also the corners, and all mirrored; the activations' mean is taken (1).",
    ),
    click.option("--batch", type=click.IntRange(1), default=32, help="Pictures at a time (32)."),
    click.option(
        "--engine", type=click.Choice(["auto", "onnx", "torch", "pycaffe", "binary"]),
        default="auto", help="What runs the net; binary is extract_features of your Caffe (auto).",
    ),
    click.option("--gpu", type=GpuType(), help="Run on this GPU (none)."),
    click.option("--caffe", metavar="PATH", help="Your caffe executable, for --engine binary."),
    shared.net_option,
)  # fmt: skip


def transform_of(given: dict[str, Any], crops: int = 1) -> TransformOptions:
    """The options of the transform as one value; takes them out of `given`.

    Raises:
        click.UsageError: two of them exclude each other.
    """
    from ssdh_surgery.pipeline.encode.transform import TransformOptions

    values = {name: given.pop(name) for name in _OF_TRANSFORM}
    if values["mean_value"] is not None and values["mean_file"] is not None:
        raise click.UsageError("--mean-value and --mean-file exclude each other")
    if values["mean_value"] is not None:
        values["mean_value"] = [float(each) for each in values["mean_value"]]
    return TransformOptions(**values, crops=crops)


def options_of(given: dict[str, Any]) -> EncoderOptions:
    """The options as one value; takes them out of `given`.

    Raises:
        click.UsageError: two of them exclude each other.
    """
    from ssdh_surgery.pipeline.encode.encoder import EncoderOptions

    transform = transform_of(given, int(given.pop("crops")))
    return EncoderOptions(**{name: given.pop(name) for name in _OF_NET}, transform=transform)
