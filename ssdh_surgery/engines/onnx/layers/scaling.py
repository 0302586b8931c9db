"""Scale and Bias: multiply by or add a broadcast blob, which is learned or a second bottom."""

from __future__ import annotations

from ssdh_surgery.engines.onnx.graph import LayerGraph


def scale(layer: LayerGraph) -> list[str]:
    """The bottom times a scale, plus a bias (`bias_term`)."""
    param = layer.param.scale_param
    top = layer.node("Mul", layer.bottom, _expand(layer, param.axis))
    if param.bias_term:
        top = layer.node("Add", top, _expand_param(layer, param.axis, len(layer.params) - 1))
    return [top]


def bias(layer: LayerGraph) -> list[str]:
    """The bottom plus a bias."""
    return [layer.node("Add", layer.bottom, _expand(layer, layer.param.bias_param.axis))]


def _expand(layer: LayerGraph, axis: int) -> str:
    """The second bottom or the first param, with trailing axes of size 1 to broadcast."""
    if len(layer.bottoms) == 1:
        return _expand_param(layer, axis, 0)
    small = layer.bottoms[1]
    trailing = _trailing_axes(layer, axis, len(small.shape))
    return layer.reshape(small.name, [*layer.sizes(small), *[1] * trailing])


def _expand_param(layer: LayerGraph, axis: int, index: int) -> str:
    values = layer.params[index]
    trailing = _trailing_axes(layer, axis, values.ndim)
    return layer.array(values.reshape(*values.shape, *[1] * trailing))


def _trailing_axes(layer: LayerGraph, axis: int, axes: int) -> int:
    """The number of the bottom's axes behind those of the small blob."""
    start = layer.setup.axis(axis) if axes else 0
    return len(layer.shape) - start - axes
