"""A net whose data layers became inputs: what Caffe and the engine can set up without the data."""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import text_format

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.shapes import shapes

Shape = tuple[int, ...]

# What the nets of the corpus and the zoo read that do not say it in a crop, by their names.
_GEOMETRY = {
    "siamese": (2, 28, 28),
    "lenet": (1, 28, 28),
    "mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "hdf5": (4,),
}
# What Caffe calls `round_mode`, and the built one as forks do.
_FORK_ROUNDING = re.compile(r"\bceil_mode\s*:\s*false\b")
_COLORS = 3
_LEGACY_AXES = 4


def read_shapes(net: Net, phase: Phase) -> dict[str, Shape]:
    """One item for each top of a net's data layers: the first is data, the others are labels."""
    found: dict[str, Shape] = {}
    for layer in filter(_is_read, net.graph(phase).layers):
        crop = layer.parameter.transform_param.crop_size
        size = (_COLORS, crop, crop) if crop else _geometry(net.file)
        found.update(zip(layer.tops, [(1, *size)] + [(1,)] * len(layer.tops), strict=False))
    return found


def _is_read(layer: Layer) -> bool:
    return layer.is_data and layer.type not in ("DummyData", "Input", "Parameter")


def _geometry(name: str) -> Shape:
    found = next((size for word, size in _GEOMETRY.items() if word in name), None)
    assert found, f"{name}: add what it reads to _GEOMETRY"
    return found


def fed(net: Net, phase: Phase) -> str:
    """The net's text, in its own dialect, with inputs of one item in place of its data layers.

    Random first values are left out: making them takes most of the time that a large net takes.
    """
    message: Any = schema.NetParameter()
    text = _FORK_ROUNDING.sub("round_mode: FLOOR", net.document.text)
    text_format.Parse(text, message, allow_unknown_field=True)
    both = message.layer if net.dialect is Dialect.CURRENT else message.layers
    for layer in reversed([layer for layer in net.layers if _is_read(layer)]):
        del both[layer.index]
    for name, shape in read_shapes(net, phase).items():
        message.input.append(name)
        if net.dialect is Dialect.V0:
            message.input_dim.extend((*shape, 1, 1, 1)[:_LEGACY_AXES])
        else:
            message.input_shape.add().dim.extend(shape)
    _clear_fillers(message)
    return text_format.MessageToString(message)


def _clear_fillers(message: Any) -> None:
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.name == "FillerParameter":
            message.ClearField(field.name)
            continue
        for inner in value if schema.is_repeated(field) else [value]:
            _clear_fillers(inner)


def our_shapes(net: Net, phase: Phase) -> dict[str, Any]:
    """The shapes that we compute, in the form of `CaffeLoads.load`; what is unknown is None."""
    found = shapes(net, phase, read_shapes(net, phase))
    return {
        "blobs": {
            name: shape if shape is None else list(shape) for name, shape in found.blobs.items()
        },
        "params": {name: list(map(list, each)) for name, each in found.params.items() if each},
    }
