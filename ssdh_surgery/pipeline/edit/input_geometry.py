"""The input geometry of a net: crop, mean, scale, channel order, and the size before the crop."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose, isfinite
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Message, Scalar
from ssdh_surgery.surgery.verbs.data_layers import image_layers

KEYS = ("crop", "mean_value", "mean_file", "scale", "channels", "resize")
# The number of records that are read to see whether all have one size.
_RECORDS = 100


def input_geometry(net: Net, reader: Layer, file: Path | None) -> dict[str, Any]:
    """The input geometry, by `KEYS`, from the data layers that the features come from.

    It is that of the first of them with a `transform_param`.

    Args:
        net: a train net.
        reader: a layer that reads its features or codes.
        file: its file, from whose folders its data may be found; None for standard input
            and the zoo.
    """
    layers = image_layers(net, reader)
    layer = next(filter(_transform, layers), None)
    values: dict[str, Any] = {}
    if layer is not None and (transform := _transform(layer)):
        values["crop"] = integer(transform, "crop_size")
        values["mean_value"] = _numbers(transform.scalars("mean_value")) or None
        values["mean_file"] = transform.string("mean_file") or None
        scale = next(iter(_numbers(transform.scalars("scale"))), None)
        values["scale"] = _scale_of_input(net, layer, scale)
    # OpenCV decodes records and images: blue, green, red.
    values["channels"] = "BGR"
    values["resize"] = _resize(net, layers, file)
    return {key: value for key, value in values.items() if value is not None}


def _scale_of_input(net: Net, data: Layer, scale: float | None) -> float | None:
    """The scale of a data layer, for the input of a deploy net.

    None where the net's stage for use has a Power layer that does the same in its place.
    """
    for layer in net.layers:
        replaces_data = layer.type == "Power" and layer.tops[:1] == data.tops[:1]
        if scale and replaces_data and not layer.is_in_place():
            param = layer.parameter.power_param
            if (param.power, param.shift) == (1, 0) and isclose(param.scale, scale, rel_tol=1e-6):
                return None
    return scale


def _transform(layer: Layer) -> Message | None:
    return layer.core.message("transform_param")


def _numbers(scalars: Sequence[Scalar]) -> list[int | float]:
    values = (literals.real(each.text) for each in scalars)
    return [
        int(value) if value.is_integer() else value
        for value in values
        if value is not None and isfinite(value)
    ]


def _resize(net: Net, layers: Sequence[Layer], file: Path | None) -> list[int] | None:
    """[width, height] before the crop: those that the net states, else those of its records."""
    for layer in layers:
        message = layer.core.message("image_data_param")
        width, height = integer(message, "new_width"), integer(message, "new_height")
        if width and height:
            return [width, height]
    states = net.states_of("TRAIN")
    for layer in (each for each in layers if any(map(each.is_in, states))):
        message = layer.core.message("data_param") if layer.type == "Data" else None
        source = message.string("source") if message else ""
        if source and (size := _record_size(source, file)):
            return size
    return None


def _record_size(source: str, file: Path | None) -> list[int] | None:
    """[width, height] of all records of an LMDB; None if it is not found, or they differ."""
    for folder in working_folders(file):
        if not (folder / source / "data.mdb").is_file():
            continue
        from ssdh_surgery.data.open_records import common_shape

        try:
            shape = common_shape(folder / source, _RECORDS)
        except SsdhError:
            return None
        return None if shape is None else [shape[2], shape[1]]
    return None
