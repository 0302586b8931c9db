"""Scale and Bias: a small blob, learned or a second bottom, laid along the bottom's axes."""

from __future__ import annotations

from ssdh_surgery.engines.onnx.graph import LayerGraph


def scale(layer: LayerGraph) -> list[str]:
    """The bottom times a scale; then plus a bias (`bias_term`)."""
    param = layer.param.scale_param
    top = layer.node("Mul", layer.bottom, _laid(layer, param.axis))
    if param.bias_term:
        top = layer.node("Add", top, _laid_param(layer, param.axis, len(layer.params) - 1))
    return [top]


def bias(layer: LayerGraph) -> list[str]:
    """The bottom plus a bias."""
    return [layer.node("Add", layer.bottom, _laid(layer, layer.param.bias_param.axis))]


def _laid(layer: LayerGraph, axis: int) -> str:
    """The second bottom, or the first param."""
    if len(layer.bottoms) == 1:
        return _laid_param(layer, axis, 0)
    small = layer.bottoms[1]
    after = _after(layer, axis, len(small.shape))
    return layer.reshaped(small.name, [*layer.sizes(small), *[1] * after])


def _laid_param(layer: LayerGraph, axis: int, index: int) -> str:
    values = layer.params[index]
    after = _after(layer, axis, values.ndim)
    return layer.array(values.reshape(*values.shape, *[1] * after))


def _after(layer: LayerGraph, axis: int, axes: int) -> int:
    """How many of the bottom's axes lie behind those of the small blob."""
    start = layer.subject.axis(axis) if axes else 0
    return len(layer.shape) - start - axes
