"""Layers that combine, duplicate or discard blobs."""

from __future__ import annotations

from functools import reduce

from ssdh_surgery.engines.onnx.graph import LayerGraph
from ssdh_surgery.engines.onnx.layers.arithmetic import linear


def concat(layer: LayerGraph) -> list[str]:
    """Concatenates blobs along an axis."""
    param = layer.param.concat_param
    axis = param.concat_dim if param.HasField("concat_dim") else layer.setup.axis(param.axis)
    return [layer.node("Concat", *(bottom.name for bottom in layer.bottoms), axis=axis)]


def eltwise(layer: LayerGraph) -> list[str]:
    """The sum (with coefficients), product or maximum of blobs of the same shape."""
    param = layer.param.eltwise_param
    names = [bottom.name for bottom in layer.bottoms]
    if param.operation == param.MAX:
        return [layer.node("Max", *names)]
    operator = "Mul"
    if param.operation == param.SUM:
        operator = "Add"
        coefficients = list(param.coeff) or [1.0] * len(names)
        names = [
            linear(layer, name, coefficient, 0)
            for name, coefficient in zip(names, coefficients, strict=True)
        ]
    return [reduce(lambda one, other: layer.node(operator, one, other), names)]


def split(layer: LayerGraph) -> list[str]:
    """The bottom, for each top."""
    return [layer.bottom] * len(layer.tops)


def silence(layer: LayerGraph) -> list[str]:
    """No tops."""
    return []
