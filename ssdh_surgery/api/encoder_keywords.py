"""Keyword arguments about the net that makes codes and the preparation of its input."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args

from ssdh_surgery.api.keywords import check, choice, integers, optional_path, refuse_unknown
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.encode.encoder import EncoderOptions
from ssdh_surgery.pipeline.encode.engine import ENGINES, EncodeEngine
from ssdh_surgery.pipeline.encode.transform import TransformOptions
from ssdh_surgery.pipeline.settings.value_types import Integer, Numbers

_CHANNELS = Literal["BGR", "RGB"]


class EncoderKeywords(TypedDict, total=False):
    """The options of `ssdh encode` and `ssdh search` about the net; None is the workspace's.

    `resize` is (width, height), or `none` to keep the size of images; `gpu` is CUDA's number.
    """

    deploy: str | Path | None
    weights: str | Path | None
    blob: str | None
    net: str | None
    engine: EncodeEngine
    gpu: int | None
    caffe: str | Path | None
    batch: int
    resize: tuple[int, int] | Literal["none"] | None
    crop: int | None
    mean_value: Sequence[float] | None
    mean_file: str | Path | None
    scale: float | None
    channels: _CHANNELS | None
    crops: Literal[1, 10]


def encoder_options(function: str, values: Mapping[str, Any]) -> EncoderOptions:
    """The keyword arguments as one value.

    Raises:
        TypeError: there is no such keyword.
        UsageError: a value has another type or is out of range, or two exclude each other.
    """
    refuse_unknown(function, values, EncoderKeywords.__annotations__)
    engine: Any = choice("engine", values.get("engine") or "auto", ENGINES)
    caffe = values.get("caffe")
    return EncoderOptions(
        optional_path(values.get("deploy")),
        optional_path(values.get("weights")),
        values.get("blob"),
        values.get("net"),
        engine,
        check("gpu", values.get("gpu"), Integer(0)),
        None if caffe is None else str(caffe),
        check("batch", values.get("batch", EncoderOptions.batch), Integer(1)),
        _transform_options(values),
    )


def _transform_options(values: Mapping[str, Any]) -> TransformOptions:
    resize = values.get("resize")
    if resize not in (None, "none"):
        resize = tuple(integers(resize, "resize"))
        if len(resize) != 2:
            raise UsageError(f"resize must be (width, height) or 'none', not {values['resize']!r}")
    mean_value = check("mean_value", values.get("mean_value"), Numbers((1, 3)))
    scale = values.get("scale")
    if scale is not None and (not math.isfinite(scale) or scale == 0):
        raise UsageError(f"scale must be a finite number other than 0, not {scale!r}")
    crops = values.get("crops", 1)
    if crops not in (1, 10):
        raise UsageError(f"crops must be 1 or 10, not {crops!r}")
    channels: Any = choice("channels", values.get("channels"), get_args(_CHANNELS))
    return TransformOptions(
        resize,
        check("crop", values.get("crop"), Integer(0)),
        None if mean_value is None else [float(each) for each in mean_value],
        optional_path(values.get("mean_file")),
        None if scale is None else float(scale),
        channels,
        crops,
    )
