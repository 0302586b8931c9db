"""Layers that change shapes: Flatten, Reshape, Tile, Reduction."""

from __future__ import annotations

from ssdh_surgery.engines.onnx.graph import LayerGraph
from ssdh_surgery.engines.onnx.layers.arithmetic import linear


def flatten(layer: LayerGraph) -> list[str]:
    """Joins the axes from `axis` to `end_axis`."""
    return [layer.reshape(layer.bottom, layer.sizes(layer.tops[0]))]


def reshape(layer: LayerGraph) -> list[str]:
    """The same values in another shape."""
    return [layer.reshape(layer.bottom, layer.sizes(layer.tops[0]))]


def tile(layer: LayerGraph) -> list[str]:
    """The bottom repeated along an axis."""
    param = layer.param.tile_param
    repeats = [1] * len(layer.shape)
    repeats[layer.setup.axis(param.axis)] = param.tiles
    return [layer.node("Tile", layer.bottom, layer.integers(repeats))]


def reduction(layer: LayerGraph) -> list[str]:
    """The sum, sum of absolute values, sum of squares or mean of all axes from `axis` on."""
    param = layer.param.reduction_param
    axes = list(range(layer.setup.axis(param.axis), len(layer.shape)))
    if param.operation == param.SUM:
        # The only one of the four whose axes are an input in this opset.
        top = layer.node("ReduceSum", layer.bottom, layer.integers(axes), keepdims=0)
    else:
        operator = {
            param.ASUM: "ReduceL1",
            param.SUMSQ: "ReduceSumSquare",
            param.MEAN: "ReduceMean",
        }[param.operation]
        top = layer.node(operator, layer.bottom, axes=axes, keepdims=0)
    return [linear(layer, top, param.coeff, 0)]
