"""The main settings of a layer in a few words: `7x7, 64, /2, pad 3`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ConvolutionParameter, PoolingParameter


def settings_text(layer: Layer) -> str:
    """The main settings of a layer and its loss weight; empty for most layers."""
    rule = LAYER_RULES.get(layer.type)
    describe = _WORDS.get(rule.settings) if rule else None
    parts = describe(layer.parameter) if describe else []
    return ", ".join(filter(None, [*parts, _loss_weight(layer)]))


def _loss_weight(layer: Layer) -> str:
    default = 1.0 if layer.is_loss else 0.0
    weights = [weight for weight in layer.loss_weights if weight]
    if not weights or weights == [default]:
        return ""
    return "weight " + " ".join(f"{weight:g}" for weight in weights)


def _convolution(layer: LayerParameter) -> list[str]:
    message = layer.convolution_param
    kernel = _both(message.kernel_h, message.kernel_w) or _axes(message.kernel_size)
    group = f"group {message.group}" if message.group > 1 else ""
    # A fork's depthwise convolution and Im2col have none.
    outputs = str(message.num_output) if message.HasField("num_output") else ""
    return [kernel, outputs, *_window(message), group]


def _window(message: ConvolutionParameter) -> list[str]:
    stride = _both(message.stride_h, message.stride_w) or _axes(message.stride)
    pad = _both(message.pad_h, message.pad_w) or _axes(message.pad)
    dilation = _axes(message.dilation)
    return [
        f"/{_short(stride)}" if stride not in ("", "1x1") else "",
        f"pad {_short(pad)}" if pad not in ("", "0x0") else "",
        f"dilation {_short(dilation)}" if dilation not in ("", "1x1") else "",
    ]


def _axes(values: Sequence[int]) -> str:
    """Sizes along the axes of a map; a single number counts for both."""
    return "x".join(map(str, values if len(values) != 1 else [*values, *values]))


def _both(height: int, width: int) -> str:
    return f"{height}x{width}" if height or width else ""


def _short(sizes: str) -> str:
    """A single number if all axes have the same size."""
    first, *rest = sizes.split("x")
    return first if all(size == first for size in rest) else sizes


def _pooling(layer: LayerParameter) -> list[str]:
    message = layer.pooling_param
    method = message.PoolMethod.Name(message.pool)
    if message.global_pooling:
        return [f"{method} global"]
    kernel = _pooling_sizes(message, "kernel", message.kernel_size)
    stride, pad = (
        _pooling_sizes(message, "stride", message.stride),
        _pooling_sizes(message, "pad", message.pad),
    )
    return [
        f"{method} {kernel}",
        f"/{_short(stride)}" if stride != "1x1" else "",
        f"pad {_short(pad)}" if pad != "0x0" else "",
    ]


def _pooling_sizes(message: PoolingParameter, name: str, both: int) -> str:
    height, width = getattr(message, f"{name}_h"), getattr(message, f"{name}_w")
    return _both(height, width) or f"{both}x{both}"


def _reduction(layer: LayerParameter) -> list[str]:
    message = layer.reduction_param
    axis = f"axis {message.axis}" if message.axis else ""
    return [message.ReductionOp.Name(message.operation), axis]


def _eltwise(layer: LayerParameter) -> list[str]:
    message = layer.eltwise_param
    return [message.EltwiseOp.Name(message.operation)]


def _axis(axis: int) -> list[str]:
    return [f"axis {axis}"] if axis != 1 else []


def _slice(layer: LayerParameter) -> list[str]:
    points = layer.slice_param.slice_point
    at = "at " + " ".join(map(str, points)) if points else ""
    return [*_axis(layer.slice_param.axis), at]


def _power(layer: LayerParameter) -> list[str]:
    message = layer.power_param
    scale = "x" if message.scale == 1 else f"{message.scale:g}x"
    inside = f"{message.shift:g} + {scale}" if message.shift else scale
    return [inside if message.power == 1 else f"({inside})^{message.power:g}"]


# By the message that holds the settings, as `LayerRule.settings` names it.
_WORDS: dict[str, Callable[[LayerParameter], list[str]]] = {
    "accuracy_param": lambda layer: (
        [f"top {layer.accuracy_param.top_k}"] if layer.accuracy_param.top_k > 1 else []
    ),
    "concat_param": lambda layer: _axis(layer.concat_param.axis),
    "convolution_param": _convolution,
    "dropout_param": lambda layer: [f"{layer.dropout_param.dropout_ratio:g}"],
    "eltwise_param": _eltwise,
    "embed_param": lambda layer: [str(layer.embed_param.num_output)],
    "inner_product_param": lambda layer: [str(layer.inner_product_param.num_output)],
    "lrn_param": lambda layer: [str(layer.lrn_param.local_size)],
    "pooling_param": _pooling,
    "power_param": _power,
    "recurrent_param": lambda layer: [str(layer.recurrent_param.num_output)],
    "reduction_param": _reduction,
    "relu_param": lambda layer: (
        [f"slope {layer.relu_param.negative_slope:g}"] if layer.relu_param.negative_slope else []
    ),
    "reshape_param": lambda layer: ["x".join(map(str, layer.reshape_param.shape.dim))],
    "slice_param": _slice,
    "threshold_param": lambda layer: [f"{layer.threshold_param.threshold:g}"],
}
