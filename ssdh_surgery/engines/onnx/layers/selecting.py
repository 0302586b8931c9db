"""Layers that choose among values: parts of a blob, items, the greatest."""

from __future__ import annotations

from itertools import pairwise

from onnx import TensorProto

from ssdh_surgery.engines.onnx.graph import LayerGraph

# The end of an axis, however long.
_END = 2**63 - 1


def slice_(layer: LayerGraph) -> list[str]:
    """The bottom cut along an axis, at the points that are given or into equal parts."""
    param = layer.param.slice_param
    at = param.slice_dim if param.HasField("slice_dim") else layer.subject.axis(param.axis)
    if len(layer.tops) == 1:
        return [layer.bottom]
    if not param.slice_point:
        return layer.nodes("Split", layer.bottom, outputs=len(layer.tops), axis=at)
    places = pairwise([0, *param.slice_point, _END])
    return [_part(layer, [begin], [end], [at]) for begin, end in places]


def crop(layer: LayerGraph) -> list[str]:
    """The first bottom cut to the size of the second, from `axis` on."""
    param = layer.param.crop_param
    start = layer.subject.axis(param.axis)
    like = layer.bottoms[1]
    axes = list(range(start, len(layer.shape)))
    offsets = list(param.offset) or [0]
    offsets *= len(axes) if len(offsets) == 1 else 1
    sizes = [layer.size(like, axis) for axis in axes]
    ends = [offset + size for offset, size in zip(offsets, sizes, strict=True)]
    return [_part(layer, offsets, ends, axes)]


def _part(layer: LayerGraph, begins: list[int], ends: list[int], axes: list[int]) -> str:
    places = [layer.integers(each) for each in (begins, ends, axes)]
    return layer.node("Slice", layer.bottom, *places)


def batch_reindex(layer: LayerGraph) -> list[str]:
    """The items of the first bottom that the second one names, in its order."""
    index = layer.node("Cast", layer.bottoms[1].name, to=TensorProto.INT64)
    return [layer.node("Gather", layer.bottom, index, axis=0)]


def filter_(layer: LayerGraph) -> list[str]:
    """The items of each bottom for which the last bottom is not zero."""
    *bottoms, selector = layer.bottoms
    chosen = layer.reshaped(selector.name, [-1])
    is_chosen = layer.node("Cast", chosen, to=TensorProto.BOOL)
    return [layer.node("Compress", bottom.name, is_chosen, axis=0) for bottom in bottoms]


def arg_max(layer: LayerGraph) -> list[str]:
    """The places of the `top_k` greatest values of each item, or along an axis; or the values."""
    param, bottom = layer.param.argmax_param, layer.bottoms[0]
    if param.HasField("axis"):
        at = layer.subject.axis(param.axis)
        size = layer.size(bottom, at)
        values, places = _greatest(layer, bottom.name, at, size, param.top_k)
        return [values if param.out_max_val else places]
    size = 1
    for axis in range(1, len(bottom.shape)):
        size *= layer.size(bottom, axis)
    rows = layer.reshaped(bottom.name, [-1, size])
    values, places = _greatest(layer, rows, 1, size, param.top_k)
    top = layer.node("Concat", places, values, axis=1) if param.out_max_val else places
    return [layer.reshaped(top, layer.sizes(layer.tops[0]))]


def _greatest(layer: LayerGraph, value: str, axis: int, size: int, top_k: int) -> tuple[str, str]:
    """The greatest values along an axis and their places as floats; of equal ones the last.

    ONNX takes the first of equal ones, so it is shown the axis from its end.
    """
    ends = [layer.integers(each) for each in ([size - 1], [-_END], [axis], [-1])]
    reversed_ = layer.node("Slice", value, *ends)
    values, places = layer.nodes(
        "TopK", reversed_, layer.integers([top_k]), outputs=2, axis=axis, largest=1, sorted=1
    )
    floats = layer.node("Cast", places, to=TensorProto.FLOAT)
    return values, layer.node("Sub", layer.number(size - 1), floats)
