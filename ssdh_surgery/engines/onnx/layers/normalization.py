"""Normalisation: BatchNorm, LRN, MVN."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.engines.onnx.graph import LayerGraph
from ssdh_surgery.engines.onnx.layers.arithmetic import linear

# With this beta, two square roots replace the power, several times faster.
_COMMON_BETA = 0.75


def batch_norm(layer: LayerGraph) -> list[str]:
    """(x - mean) / sqrt(variance + eps) per channel, with the statistics in the blobs.

    Caffe's blobs are sums: the first two are divided by the third.
    """
    param = layer.param.batch_norm_param
    if param.HasField("use_global_stats") and not param.use_global_stats:
        return [_batch_statistics(layer, param.eps)]
    mean, variance, weight = layer.params
    factor = 0 if weight.item() == 0 else 1 / weight.item()
    ones = np.ones_like(mean)
    return [
        layer.node(
            "BatchNormalization",
            layer.bottom,
            layer.array(ones),
            layer.array(ones * 0),
            layer.array((mean * factor).astype(np.float32)),
            layer.array((variance * factor).astype(np.float32)),
            epsilon=param.eps,
        )
    ]


def _batch_statistics(layer: LayerGraph, eps: float) -> str:
    axes = [0, *range(2, len(layer.shape))]
    centered, variance = _center(layer, layer.bottom, axes)
    deviation = layer.node("Sqrt", linear(layer, variance, 1, eps))
    return layer.node("Div", centered, deviation)


def lrn(layer: LayerGraph) -> list[str]:
    """X / (k + alpha/n * sum of n neighbours' squares) ^ beta, across channels or within one.

    Within a channel, Caffe uses 1 instead of k, and alpha times the mean of a window. Across
    channels, a 1x1 convolution replaces ONNX's own LRN, which takes a third of GoogLeNet's time
    in ONNX Runtime.
    """
    param = layer.param.lrn_param
    square = layer.node("Mul", layer.bottom, layer.bottom)
    if param.norm_region == param.ACROSS_CHANNELS:
        band = _band(layer.shape[1], param.local_size, param.alpha)
        start = np.full(len(band), param.k, np.float32)
        scale = layer.node("Conv", square, layer.array(band), layer.array(start))
    else:
        size, reach = param.local_size, param.local_size // 2
        settings = {"kernel_shape": [size, size], "pads": [reach] * 4, "count_include_pad": 1}
        scale = linear(layer, layer.node("AveragePool", square, **settings), param.alpha, 1)
    if param.beta == _COMMON_BETA:
        root = layer.node("Sqrt", scale)
        return [layer.node("Div", layer.bottom, layer.node("Mul", root, layer.node("Sqrt", root)))]
    return [layer.node("Div", layer.bottom, layer.node("Pow", scale, layer.number(param.beta)))]


def _band(channels: int, size: int, alpha: float) -> NDArray[np.float32]:
    """A 1x1 kernel that sums each channel's neighbours, times alpha/n."""
    channel = np.arange(channels)
    is_near = np.abs(channel[:, np.newaxis] - channel) <= size // 2
    band: NDArray[np.float32] = (is_near * np.float32(alpha / size))[:, :, np.newaxis, np.newaxis]
    return band.astype(np.float32)


def mvn(layer: LayerGraph) -> list[str]:
    """Each plane (or image) minus its mean, divided by its deviation; four axes."""
    param = layer.param.mvn_param
    maps = layer.bottom
    if len(layer.shape) != len(layer.tops[0].shape):
        maps = layer.reshape(maps, layer.sizes(layer.tops[0]))
    axes = [1, 2, 3] if param.across_channels else [2, 3]
    centered, variance = _center(layer, maps, axes)
    if not param.normalize_variance:
        return [centered]
    deviation = linear(layer, layer.node("Sqrt", variance), 1, param.eps)
    return [layer.node("Div", centered, deviation)]


def _center(layer: LayerGraph, value: str, axes: list[int]) -> tuple[str, str]:
    """A value minus its mean along some axes, and its variance along them."""
    centered = layer.node("Sub", value, layer.node("ReduceMean", value, axes=axes, keepdims=1))
    square = layer.node("Mul", centered, centered)
    return centered, layer.node("ReduceMean", square, axes=axes, keepdims=1)
