"""Put inputs in place of a net's data layers: Caffe and the engine set it up without the data."""

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

# The shape of an item for the nets that have no crop, by a word in their names.
_ITEM_SHAPES = {
    "siamese": (2, 28, 28),
    "lenet": (1, 28, 28),
    "mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "hdf5": (4,),
}
# The built Caffe spells Caffe's `round_mode` as forks do.
_FORK_ROUNDING = re.compile(r"\bceil_mode\s*:\s*false\b")
_COLORS = 3
_LEGACY_AXES = 4


def data_shapes(net: Net, phase: Phase) -> dict[str, Shape]:
    """Shapes of one item for the data layers' tops: the first is data, the others are labels."""
    tops: dict[str, Shape] = {}
    for layer in filter(_reads_data, net.graph(phase).layers):
        crop = layer.parameter.transform_param.crop_size
        size = (_COLORS, crop, crop) if crop else _item_shape(net.file)
        tops.update(zip(layer.tops, [(1, *size)] + [(1,)] * len(layer.tops), strict=False))
    return tops


def _reads_data(layer: Layer) -> bool:
    return layer.is_data and layer.type not in ("DummyData", "Input", "Parameter")


def _item_shape(name: str) -> Shape:
    shape = next((size for word, size in _ITEM_SHAPES.items() if word in name), None)
    assert shape, f"{name}: add the shape of an item to _ITEM_SHAPES"
    return shape


def text_with_inputs(net: Net, phase: Phase) -> str:
    """The net's text, in its own dialect, with inputs of one item in place of its data layers.

    Fillers are left out: in a large net, most of the set-up time would go into random weights.
    """
    message: Any = schema.NetParameter()
    text = _FORK_ROUNDING.sub("round_mode: FLOOR", net.document.text)
    text_format.Parse(text, message, allow_unknown_field=True)
    layers = message.layer if net.dialect is Dialect.CURRENT else message.layers
    for layer in reversed([layer for layer in net.layers if _reads_data(layer)]):
        del layers[layer.index]
    for name, shape in data_shapes(net, phase).items():
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


def computed_shapes(net: Net, phase: Phase) -> dict[str, Any]:
    """The shapes that this package computes, as `CaffeLoads.load` returns them; None if unknown."""
    computed = shapes(net, phase, data_shapes(net, phase))
    return {
        "blobs": {
            name: shape if shape is None else list(shape) for name, shape in computed.blobs.items()
        },
        "params": {name: list(map(list, each)) for name, each in computed.params.items() if each},
    }
