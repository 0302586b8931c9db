"""Layers that select values: parts of a blob, items, the largest ones."""

from __future__ import annotations

from itertools import pairwise

from onnx import TensorProto

from ssdh_surgery.engines.onnx.graph import LayerGraph

# The end of an axis, however long.
_END = 2**63 - 1


def slice_(layer: LayerGraph) -> list[str]:
    """Splits the bottom along an axis, at given points or into equal parts."""
    param = layer.param.slice_param
    axis = param.slice_dim if param.HasField("slice_dim") else layer.setup.axis(param.axis)
    if len(layer.tops) == 1:
        return [layer.bottom]
    if not param.slice_point:
        return layer.nodes("Split", layer.bottom, outputs=len(layer.tops), axis=axis)
    bounds = pairwise([0, *param.slice_point, _END])
    return [_part(layer, [begin], [end], [axis]) for begin, end in bounds]


def crop(layer: LayerGraph) -> list[str]:
    """Crops the first bottom to the size of the second, from `axis` on."""
    param = layer.param.crop_param
    start = layer.setup.axis(param.axis)
    reference = layer.bottoms[1]
    axes = list(range(start, len(layer.shape)))
    offsets = list(param.offset) or [0]
    offsets *= len(axes) if len(offsets) == 1 else 1
    sizes = [layer.size(reference, axis) for axis in axes]
    ends = [offset + size for offset, size in zip(offsets, sizes, strict=True)]
    return [_part(layer, offsets, ends, axes)]


def _part(layer: LayerGraph, begins: list[int], ends: list[int], axes: list[int]) -> str:
    operands = [layer.integers(values) for values in (begins, ends, axes)]
    return layer.node("Slice", layer.bottom, *operands)


def batch_reindex(layer: LayerGraph) -> list[str]:
    """The items of the first bottom at the indices in the second, in that order."""
    index = layer.node("Cast", layer.bottoms[1].name, to=TensorProto.INT64)
    return [layer.node("Gather", layer.bottom, index, axis=0)]


def filter_(layer: LayerGraph) -> list[str]:
    """The items of each bottom for which the last bottom is nonzero."""
    *bottoms, selector = layer.bottoms
    flags = layer.reshape(selector.name, [-1])
    is_selected = layer.node("Cast", flags, to=TensorProto.BOOL)
    return [layer.node("Compress", bottom.name, is_selected, axis=0) for bottom in bottoms]


def arg_max(layer: LayerGraph) -> list[str]:
    """The indices of the `top_k` largest values per item, or along an axis; or the values."""
    param, bottom = layer.param.argmax_param, layer.bottoms[0]
    if param.HasField("axis"):
        axis = layer.setup.axis(param.axis)
        size = layer.size(bottom, axis)
        values, indices = _largest(layer, bottom.name, axis, size, param.top_k)
        return [values if param.out_max_val else indices]
    size = 1
    for axis in range(1, len(bottom.shape)):
        size *= layer.size(bottom, axis)
    rows = layer.reshape(bottom.name, [-1, size])
    values, indices = _largest(layer, rows, 1, size, param.top_k)
    top = layer.node("Concat", indices, values, axis=1) if param.out_max_val else indices
    return [layer.reshape(top, layer.sizes(layer.tops[0]))]


def _largest(layer: LayerGraph, value: str, axis: int, size: int, top_k: int) -> tuple[str, str]:
    """The largest values along an axis and their indices, as floats; ties go to the last.

    In ONNX ties go to the first, so the axis is reversed.
    """
    ends = [layer.integers(values) for values in ([size - 1], [-_END], [axis], [-1])]
    reversed_ = layer.node("Slice", value, *ends)
    values, indices = layer.nodes(
        "TopK", reversed_, layer.integers([top_k]), outputs=2, axis=axis, largest=1, sorted=1
    )
    floats = layer.node("Cast", indices, to=TensorProto.FLOAT)
    return values, layer.node("Sub", layer.number(size - 1), floats)
