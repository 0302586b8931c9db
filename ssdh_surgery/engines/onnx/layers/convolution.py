"""Convolution, Deconvolution and Im2col."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ssdh_surgery.caffe.shapes.convolution import Window, read_window
from ssdh_surgery.engines.onnx.graph import LayerGraph, Value


def convolution(layer: LayerGraph) -> list[str]:
    """Convolution over any number of spatial axes; bottoms share the weights."""
    axis, window = read_window(layer.setup)

    def attributes(sizes: Sequence[int]) -> dict[str, Any]:
        ends = [
            pad + extra for pad, extra in zip(window.pad, _overhang(window, sizes), strict=True)
        ]
        return {"pads": [*window.pad, *ends]}

    return _over_bottoms(layer, axis, window, "Conv", attributes)


def deconvolution(layer: LayerGraph) -> list[str]:
    """Transposed convolution, for example for upsampling."""
    axis, window = read_window(layer.setup)
    pads = [*window.pad, *window.pad]
    return _over_bottoms(layer, axis, window, "ConvTranspose", lambda sizes: {"pads": pads})


def _over_bottoms(
    layer: LayerGraph,
    axis: int,
    window: Window,
    operator: str,
    settings: Callable[[Sequence[int]], dict[str, Any]],
) -> list[str]:
    """One node per bottom, reshaped to ONNX's axes: batch, channels, spatial axes."""
    param = layer.param.convolution_param
    kernel = layer.params[0]
    has_maps = bool(window.kernel)
    # ONNX needs a spatial axis; Caffe does not.
    weight = layer.weight(0) if has_maps else layer.array(kernel[..., np.newaxis])
    weights = [weight, layer.weight(1)] if param.bias_term else [weight]
    attributes: dict[str, Any] = {"group": param.group}
    if has_maps:
        attributes |= {
            "kernel_shape": list(window.kernel),
            "strides": list(window.stride),
            "dilations": list(window.dilation),
        }
    results = []
    for bottom, top in zip(layer.bottoms, layer.tops, strict=True):
        sizes = [layer.size(bottom, i) for i in range(axis + 1, len(bottom.shape))]
        inner = bottom.name
        if axis != 1 or not has_maps:
            channels = layer.size(bottom, axis)
            inner = layer.reshape(inner, [-1, channels, *(sizes or [1])])
        result = layer.node(
            operator, inner, *weights, **attributes, **(settings(sizes) if has_maps else {})
        )
        if axis != 1 or not has_maps:
            result = layer.reshape(result, layer.sizes(top))
        results.append(result)
    return results


def _overhang(window: Window, sizes: Sequence[int]) -> list[int]:
    """How far the last window extends beyond the padded bottom, where Caffe reads zeros."""
    axes = zip(
        window.steps(tuple(sizes)), sizes, window.stride, window.reach(), window.pad, strict=True
    )
    return [
        max(0, (steps - 1) * stride + reach - size - 2 * pad)
        for steps, size, stride, reach, pad in axes
    ]


def im2col(layer: LayerGraph) -> list[str]:
    """The windows of an image as columns: a convolution whose kernels each select one position."""
    axis, window = read_window(layer.setup)
    bottom: Value = layer.bottoms[0]
    channels = layer.size(bottom, axis)
    sizes = [layer.size(bottom, i) for i in range(axis + 1, len(bottom.shape))]
    places = int(np.prod(window.kernel))
    picks = np.eye(places, dtype=np.float32).reshape(places, 1, *window.kernel)
    ends = [pad + extra for pad, extra in zip(window.pad, _overhang(window, sizes), strict=True)]
    columns = layer.node(
        "Conv",
        layer.reshape(bottom.name, [-1, channels, *sizes]),
        layer.array(np.tile(picks, (channels, *[1] * (picks.ndim - 1)))),
        group=channels,
        strides=list(window.stride),
        dilations=list(window.dilation),
        pads=[*window.pad, *ends],
    )
    return [layer.reshape(columns, layer.sizes(layer.tops[0]))]
