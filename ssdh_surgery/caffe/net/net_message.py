"""A whole net as a message of the current dialect, as Caffe's own upgrade leaves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import TRANSFORM_FIELDS, V1_TRANSFORMS, Dialect
from ssdh_surgery.caffe.messages.layer_message import clear_except
from ssdh_surgery.caffe.messages.message import fill
from ssdh_surgery.caffe.messages.v0_fields import NET_FIELDS

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter, NetParameter
    from ssdh_surgery.caffe.net.layer import Layer
    from ssdh_surgery.caffe.net.net import Net


def net_parameter(net: Net) -> NetParameter:
    """A whole net as a message of the current dialect, as Caffe's upgrade leaves it."""
    result = schema.NetParameter()
    fill(result, net.root)
    del result.layer[:]
    del result.layers[:]
    if net.dialect is Dialect.V0:
        clear_except(result, NET_FIELDS)
    if result.input:
        if result.input_shape or result.input_dim:
            result.layer.append(_input_layer(result))
        for name in ("input", "input_shape", "input_dim"):
            result.ClearField(name)
    padding: dict[str, tuple[str, int]] = {}
    for layer in net.layers:
        if net.dialect is Dialect.V0 and layer.type == "padding":
            padding[layer.tops[0]] = (layer.bottoms[0], int(layer.core.string("pad", "0")))
            continue
        parameter = result.layer.add()
        parameter.CopyFrom(layer.parameter)
        _fold_padding(parameter, padding)
    if net.dialect is Dialect.V1 and any(map(_has_old_transform, net.layers)):
        # Where one layer needs it, every data layer gets the message.
        for each in result.layer:
            if each.type in V1_TRANSFORMS:
                each.transform_param.SetInParent()
                getattr(each, V1_TRANSFORMS[each.type]).SetInParent()
    return result


def _has_old_transform(layer: Layer) -> bool:
    name = V1_TRANSFORMS.get(layer.type)
    message = layer.core.message(name) if name else None
    return message is not None and any(message.entry(field) for field in TRANSFORM_FIELDS)


def _fold_padding(layer: LayerParameter, padding: dict[str, tuple[str, int]]) -> None:
    """V0 had padding as a layer of its own; the convolution above it takes it over."""
    for index, bottom in enumerate(layer.bottom):
        if bottom in padding:
            layer.bottom[index], pad = padding[bottom]
            if layer.type == "Convolution":
                layer.convolution_param.pad[:] = [pad]
            else:
                layer.pooling_param.pad = pad


def _input_layer(net: NetParameter) -> LayerParameter:
    layer = schema.LayerParameter(name="input", type="Input")
    layer.top.extend(net.input)
    if net.input_shape:
        layer.input_param.shape.extend(net.input_shape[: len(net.input)])
        return layer
    dims = list(net.input_dim)[: 4 * len(net.input)]
    for start in range(0, len(dims) - len(dims) % 4, 4):
        layer.input_param.shape.add().dim.extend(dims[start : start + 4])
    return layer
