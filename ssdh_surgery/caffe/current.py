"""Nets and layers of any dialect as Caffe's own upgrade makes them: current messages.

This reads for engines and shapes; the upgrade of a user's text is a verb of its own.
Source: Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe import schema
from ssdh_surgery.caffe.dialect import TRANSFORM_FIELDS, V1_TRANSFORMS, Dialect, current_type
from ssdh_surgery.caffe.message import fill
from ssdh_surgery.caffe.v0_fields import NET_FIELDS, OUTER_FIELDS, place_in_v1
from ssdh_surgery.prototxt.cst import Message

if TYPE_CHECKING:
    from ssdh_surgery.caffe.layer import Layer
    from ssdh_surgery.caffe.net import Net
    from ssdh_surgery.caffe.schema import LayerParameter, NetParameter, V1LayerParameter

_V1_OWN_FIELDS = frozenset(
    ["blob_share_mode", "blobs_lr", "layer", "param", "type", "weight_decay"]
)


def layer_parameter(tree: Message, dialect: Dialect) -> LayerParameter:
    """One layer as a message of the current dialect. V0's padding layers stay by themselves."""
    if dialect is Dialect.CURRENT:
        layer = schema.LayerParameter()
        fill(layer, tree)
    else:
        old = schema.V1LayerParameter()
        fill(old, tree)
        if dialect is Dialect.V0:
            _clear_but(old, OUTER_FIELDS)
        layer = _from_v1(old, _v1_type(tree, dialect))
        _upgrade_transform(layer)
    # The three statistics of BatchNorm are not learned, whatever an old file says.
    if layer.type == "BatchNorm" and len(layer.param) == 3:
        for param in layer.param:
            param.lr_mult = param.decay_mult = 0
    return layer


def _clear_but(message: Any, kept: Collection[str]) -> None:
    for field, _ in message.ListFields():
        if field.name not in kept:
            message.ClearField(field.name)


def _v1_type(tree: Message, dialect: Dialect) -> str:
    core = (tree.message("layer") if dialect is Dialect.V0 else None) or tree
    return current_type(dialect, core.string("type"))


def _from_v1(old: V1LayerParameter, kind: str) -> LayerParameter:
    layer = schema.LayerParameter()
    if old.HasField("layer"):
        _lift_v0(old)
    # protobuf holds no bytes that are no text.
    layer.type = kind.encode("utf-8", "replace").decode()
    for field, value in old.ListFields():
        if field.name in _V1_OWN_FIELDS:
            continue
        if schema.is_repeated(field):
            getattr(layer, field.name).extend(_same(layer, field.name, value))
        elif field.message_type is not None:
            getattr(layer, field.name).MergeFromString(value.SerializeToString())
        else:
            setattr(layer, field.name, value)
    for index in range(max(len(old.blobs_lr), len(old.weight_decay), len(old.param))):
        param = layer.param.add()
        if index < len(old.param) and old.param[index]:
            param.name = old.param[index]
        if index < len(old.blob_share_mode):
            param.share_mode = int(old.blob_share_mode[index])  # type: ignore[assignment]
        if index < len(old.blobs_lr):
            param.lr_mult = old.blobs_lr[index]
        if index < len(old.weight_decay):
            param.decay_mult = old.weight_decay[index]
    return layer


def _same(layer: LayerParameter, name: str, values: Any) -> Any:
    """Repeated values as the same field of the current message takes them."""
    return values if name in layer.DESCRIPTOR.fields_by_name else []


def _lift_v0(old: V1LayerParameter) -> None:
    """Move what a V0 layer says within into the V1 layer around it."""
    inner = old.layer
    for field, value in inner.ListFields():
        place = place_in_v1(inner.type, field.name)
        if place is not None and field.name != "type":
            message, name = place
            _put(getattr(old, message) if message else old, name, value)


def _put(target: Any, name: str, value: Any) -> None:
    known = target.DESCRIPTOR.fields_by_name[name]
    if schema.is_repeated(known):
        repeated = getattr(target, name)
        # What was one value in V0 may be a list later.
        repeated.extend([value] if isinstance(value, int) else value)
    elif known.message_type is not None:
        getattr(target, name).CopyFrom(value)
    else:
        setattr(target, name, value)


def _upgrade_transform(layer: LayerParameter) -> None:
    name = V1_TRANSFORMS.get(layer.type)
    if name is None or not layer.HasField(name):
        return
    param: Any = getattr(layer, name)
    for field in TRANSFORM_FIELDS:
        if param.HasField(field):
            setattr(layer.transform_param, field, getattr(param, field))
            param.ClearField(field)


def net_parameter(net: Net) -> NetParameter:
    """A whole net as a message of the current dialect, as Caffe's upgrade leaves it."""
    result = schema.NetParameter()
    fill(result, net.root)
    del result.layer[:]
    del result.layers[:]
    if net.dialect is Dialect.V0:
        _clear_but(result, NET_FIELDS)
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
