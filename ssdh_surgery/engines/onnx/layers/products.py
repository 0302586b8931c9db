"""Layers that are matrices: InnerProduct and Embed."""

from __future__ import annotations

from onnx import TensorProto

from ssdh_surgery.engines.onnx.graph import LayerGraph


def inner_product(layer: LayerGraph) -> list[str]:
    """Every axis from `axis` on is flattened and multiplied with the weights."""
    param = layer.param.inner_product_param
    axis = layer.subject.axis(param.axis)
    inputs = layer.params[0].shape[0 if param.transpose else 1]
    for place in range(axis, len(layer.shape)):
        layer.size(layer.bottoms[0], place)
    rows = layer.bottom
    if axis != 1 or len(layer.shape) != 2:
        rows = layer.reshaped(rows, [-1, inputs])
    operands = [layer.weight(0), layer.weight(1)] if param.bias_term else [layer.weight(0)]
    products = layer.node("Gemm", rows, *operands, transB=0 if param.transpose else 1)
    if axis == 1:
        return [products]
    return [layer.reshaped(products, layer.sizes(layer.tops[0]))]


def embed(layer: LayerGraph) -> list[str]:
    """The row of the weights that each value of the bottom names."""
    index = layer.node("Cast", layer.bottom, to=TensorProto.INT64)
    rows = layer.node("Gather", layer.weight(0), index, axis=0)
    if layer.param.embed_param.bias_term:
        rows = layer.node("Add", rows, layer.weight(1))
    return [rows]
