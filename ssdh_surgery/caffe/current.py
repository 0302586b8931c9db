"""Nets and layers of any dialect as Caffe's own upgrade makes them: current messages.

This reads for engines and shapes; the upgrade of a user's text is a verb of its own.
Source: Caffe's upgrade_proto.cpp.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ssdh_surgery.caffe import schema
from ssdh_surgery.caffe.dialect import Dialect, current_type
from ssdh_surgery.caffe.message import fill
from ssdh_surgery.prototxt.cst import Message

if TYPE_CHECKING:
    from ssdh_surgery.caffe.layer import Layer
    from ssdh_surgery.caffe.net import Net
    from ssdh_surgery.caffe.schema import LayerParameter, NetParameter, V1LayerParameter

# Where each field of a V0 layer goes in a V1 layer, by the V0 type: message, field.
_V0_FIELDS: dict[str, dict[str, str]] = {
    "num_output": {
        "conv": "convolution_param.num_output",
        "innerproduct": "inner_product_param.num_output",
    },
    "biasterm": {
        "conv": "convolution_param.bias_term",
        "innerproduct": "inner_product_param.bias_term",
    },
    "weight_filler": {
        "conv": "convolution_param.weight_filler",
        "innerproduct": "inner_product_param.weight_filler",
    },
    "bias_filler": {
        "conv": "convolution_param.bias_filler",
        "innerproduct": "inner_product_param.bias_filler",
    },
    "pad": {"conv": "convolution_param.pad", "pool": "pooling_param.pad"},
    "kernelsize": {"conv": "convolution_param.kernel_size", "pool": "pooling_param.kernel_size"},
    "group": {"conv": "convolution_param.group"},
    "stride": {"conv": "convolution_param.stride", "pool": "pooling_param.stride"},
    "pool": {"pool": "pooling_param.pool"},
    "dropout_ratio": {"dropout": "dropout_param.dropout_ratio"},
    "local_size": {"lrn": "lrn_param.local_size"},
    "alpha": {"lrn": "lrn_param.alpha"},
    "beta": {"lrn": "lrn_param.beta"},
    "k": {"lrn": "lrn_param.k"},
    "source": {
        "data": "data_param.source",
        "hdf5_data": "hdf5_data_param.source",
        "images": "image_data_param.source",
        "window_data": "window_data_param.source",
        "infogain_loss": "infogain_loss_param.source",
    },
    "scale": dict.fromkeys(["data", "images", "window_data"], "transform_param.scale"),
    "meanfile": dict.fromkeys(["data", "images", "window_data"], "transform_param.mean_file"),
    "cropsize": dict.fromkeys(["data", "images", "window_data"], "transform_param.crop_size"),
    "mirror": dict.fromkeys(["data", "images", "window_data"], "transform_param.mirror"),
    "batchsize": {
        "data": "data_param.batch_size",
        "hdf5_data": "hdf5_data_param.batch_size",
        "images": "image_data_param.batch_size",
        "window_data": "window_data_param.batch_size",
    },
    "rand_skip": {"data": "data_param.rand_skip", "images": "image_data_param.rand_skip"},
    "shuffle_images": {"images": "image_data_param.shuffle"},
    "new_height": {"images": "image_data_param.new_height"},
    "new_width": {"images": "image_data_param.new_width"},
    "concat_dim": {"concat": "concat_param.concat_dim"},
    "det_fg_threshold": {"window_data": "window_data_param.fg_threshold"},
    "det_bg_threshold": {"window_data": "window_data_param.bg_threshold"},
    "det_fg_fraction": {"window_data": "window_data_param.fg_fraction"},
    "det_context_pad": {"window_data": "window_data_param.context_pad"},
    "det_crop_mode": {"window_data": "window_data_param.crop_mode"},
    "hdf5_output_param": {"hdf5_output": "hdf5_output_param"},
}
# Parameters of data layers that later became `transform_param`.
_TRANSFORM = {
    "Data": "data_param",
    "ImageData": "image_data_param",
    "WindowData": "window_data_param",
}
_TRANSFORM_FIELDS = ("scale", "mean_file", "crop_size", "mirror")
# All that is read of a V0 layer beside the layer itself, and of a net of such layers.
_V0_CONNECTIONS = ("bottom", "layer", "top")
_V0_NET_FIELDS = ("force_backward", "input", "input_dim", "name")
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
            _clear_but(old, _V0_CONNECTIONS)
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
    layer.type = kind
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
        if field.name == "name":
            old.name = value
        elif field.name in ("blobs_lr", "weight_decay", "blobs"):
            getattr(old, field.name).extend(value)
        elif path := _V0_FIELDS.get(field.name, {}).get(inner.type):
            _put(old, path, value)


def _put(target: Any, path: str, value: Any) -> None:
    *messages, last = path.split(".")
    for name in messages:
        target = getattr(target, name)
    known = target.DESCRIPTOR.fields_by_name[last]
    if schema.is_repeated(known):
        getattr(target, last).append(value)
    elif known.message_type is not None:
        getattr(target, last).CopyFrom(value)
    else:
        setattr(target, last, value)


def _upgrade_transform(layer: LayerParameter) -> None:
    name = _TRANSFORM.get(layer.type)
    if name is None or not layer.HasField(name):
        return
    param: Any = getattr(layer, name)
    for field in _TRANSFORM_FIELDS:
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
        _clear_but(result, _V0_NET_FIELDS)
    if net.inputs:
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
            if each.type in _TRANSFORM:
                each.transform_param.SetInParent()
                getattr(each, _TRANSFORM[each.type]).SetInParent()
    return result


def _has_old_transform(layer: Layer) -> bool:
    name = _TRANSFORM.get(layer.type)
    message = layer.core.message(name) if name else None
    return message is not None and any(message.entry(field) for field in _TRANSFORM_FIELDS)


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
