"""A net as a message of the current dialect, equal to that of Caffe's own upgrade."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import TRANSFORM_FIELDS, V1_TRANSFORMS, Dialect
from ssdh_surgery.caffe.messages.layer_message import clear_except
from ssdh_surgery.caffe.messages.message import fill
from ssdh_surgery.caffe.messages.v0_fields import NET_FIELDS
from ssdh_surgery.caffe.net.net import INPUT_FIELDS, Net
from ssdh_surgery.caffe.net.padding import Padding

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter, NetParameter
    from ssdh_surgery.caffe.net.layer import Layer


def net_parameter(net: Net) -> NetParameter:
    """A net as a message of the current dialect, as Caffe's upgrade leaves it."""
    result = schema.NetParameter()
    fill(result, net.root)
    del result.layer[:]
    del result.layers[:]
    if net.dialect is Dialect.V0:
        clear_except(result, NET_FIELDS)
    if result.input:
        if result.input_shape or result.input_dim:
            result.layer.append(_input_layer(net, result.input))
        for name in INPUT_FIELDS:
            result.ClearField(name)
    padding = Padding()
    for layer in net.layers:
        if layer.is_padding:
            padding.add(layer)
        else:
            result.layer.add().CopyFrom(padding.fold(layer)[0])
    if net.dialect is Dialect.V1 and any(map(_has_old_transform, net.layers)):
        # If one layer needs the message, every data layer gets it.
        for each in result.layer:
            if each.type in V1_TRANSFORMS:
                each.transform_param.SetInParent()
                getattr(each, V1_TRANSFORMS[each.type]).SetInParent()
    return result


def _has_old_transform(layer: Layer) -> bool:
    name = V1_TRANSFORMS.get(layer.type)
    message = layer.core.message(name) if name else None
    return message is not None and any(message.entry(field) for field in TRANSFORM_FIELDS)


def _input_layer(net: Net, names: Iterable[str]) -> LayerParameter:
    layer = schema.LayerParameter(name="input", type="Input")
    layer.top.extend(names)
    for shape in net.input_shapes:
        if shape is not None:
            layer.input_param.shape.add().dim.extend(shape)
    return layer
