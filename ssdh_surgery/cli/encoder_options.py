"""Options that name the net that makes codes and prepare its input; shared by commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import types
from ssdh_surgery.cli.types import GpuType, ResizeType, ScaleType
from ssdh_surgery.pipeline.encode.engine import ENGINES
from ssdh_surgery.pipeline.settings.value_types import Numbers

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.encode.encoder import EncoderOptions
    from ssdh_surgery.pipeline.encode.transform import TransformOptions

_FILE = click.Path(path_type=Path)
_OF_NET = ("deploy", "weights", "blob", "net", "engine", "gpu", "caffe", "batch")
_OF_TRANSFORM = ("resize", "crop", "mean_value", "mean_file", "scale", "channels")

# The sections of the help for the options below.
TRANSFORM_SECTIONS = {"Preparation of images": (*_OF_TRANSFORM, "crops")}
ENCODER_SECTIONS = {
    "Net": ("deploy", "weights", "blob", "net"),
    "Preparation of images": (*_OF_TRANSFORM, "crops", "max_pixels"),
    "Engine": ("engine", "gpu", "caffe", "batch"),
}

transform_options = shared.options(
    click.option(
        "--resize", type=ResizeType(), metavar="WxH|none",
        help="Resize images to this before the crop.",
    ),
    click.option("--crop", type=click.IntRange(0), metavar="N", help="Crop from the centre."),
    click.option(
        "--mean-value",
        type=types.ValueParam(Numbers((1, 3))),
        metavar="B,G,R",
        help="Subtract a value from each channel.",
    ),
    click.option(
        "--mean-file", type=_FILE, metavar="FILE",
        help="Subtract a mean image: a binaryproto, .npy or .npz.",
    ),
    click.option("--scale", type=ScaleType(), help="Multiply by this after the mean."),
    click.option(
        "--channels", type=click.Choice(["BGR", "RGB"]),
        help="Set the order of channels in the net's input (default: that of ssdh.toml, else BGR).",
    ),
)  # fmt: skip

encoder_options = shared.options(
    click.option(
        "--deploy", type=_FILE, metavar="NET",
        help="Use this deploy net (default: that of ssdh.toml).",
    ),
    click.option(
        "--weights", type=_FILE, metavar="FILE",
        help="Use these weights (default: the newest snapshot).",
    ),
    click.option(
        "--blob", metavar="NAME", help="Read this blob (default: the code that ssdh.toml names)."
    ),
    transform_options,
    click.option(
        "--crops", type=click.Choice(["1", "10"]), default="1",
        help="Encode the centre crop, or also the corners and all of them mirrored, and average "
        "their activations (default: 1).",
    ),
    shared.max_pixels_option,
    click.option(
        "--batch", type=click.IntRange(1), default=32, metavar="N",
        help="Run the net on N images at a time (default: 32).",
    ),
    click.option(
        "--engine", type=types.WordType(ENGINES), default="auto",
        help="Run the net on this engine; binary is your Caffe's extract_features (default: auto).",
    ),
    click.option(
        "--gpu", type=GpuType(), metavar="N|none", help="Run on this GPU (default: none, the CPU)."
    ),
    click.option(
        "--caffe", metavar="PATH", help="Find --engine binary next to this caffe executable."
    ),
    shared.net_option,
)  # fmt: skip


def transform_of(values: dict[str, Any], crops: int = 1) -> TransformOptions:
    """The options of the transform as one value; removes them from `values`.

    Raises:
        UsageError: two of them exclude each other.
    """
    from ssdh_surgery.pipeline.encode.transform import TransformOptions

    options = {name: values.pop(name) for name in _OF_TRANSFORM}
    if options["mean_value"] is not None:
        options["mean_value"] = [float(each) for each in options["mean_value"]]
    return TransformOptions(**options, crops=crops)


def options_of(values: dict[str, Any]) -> EncoderOptions:
    """The options of the encoder as one value; removes them from `values`.

    Raises:
        UsageError: two of them exclude each other.
    """
    from ssdh_surgery.pipeline.encode.encoder import EncoderOptions

    transform = transform_of(values, int(values.pop("crops")))
    return EncoderOptions(**{name: values.pop(name) for name in _OF_NET}, transform=transform)
