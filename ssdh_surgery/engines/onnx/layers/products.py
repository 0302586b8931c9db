"""Products with a learned matrix: InnerProduct and Embed."""

from __future__ import annotations

from onnx import TensorProto

from ssdh_surgery.engines.onnx.graph import LayerGraph


def inner_product(layer: LayerGraph) -> list[str]:
    """Flattens the axes from `axis` on and multiplies them by the weights."""
    param = layer.param.inner_product_param
    axis = layer.setup.axis(param.axis)
    inputs = layer.params[0].shape[0 if param.transpose else 1]
    for inner_axis in range(axis, len(layer.shape)):
        layer.size(layer.bottoms[0], inner_axis)
    rows = layer.bottom
    if axis != 1 or len(layer.shape) != 2:
        rows = layer.reshape(rows, [-1, inputs])
    operands = [layer.weight(0), layer.weight(1)] if param.bias_term else [layer.weight(0)]
    products = layer.node("Gemm", rows, *operands, transB=0 if param.transpose else 1)
    if axis == 1:
        return [products]
    return [layer.reshape(products, layer.sizes(layer.tops[0]))]


def embed(layer: LayerGraph) -> list[str]:
    """Looks up the row of the weights for each value of the bottom."""
    index = layer.node("Cast", layer.bottom, to=TensorProto.INT64)
    rows = layer.node("Gather", layer.weight(0), index, axis=0)
    if layer.param.embed_param.bias_term:
        rows = layer.node("Add", rows, layer.weight(1))
    return [rows]
