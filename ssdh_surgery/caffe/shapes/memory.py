"""The memory of a net while Caffe runs it: blobs, diffs, and what layers keep beside them.

Sources in Caffe: `Net::Init` (the figure in its log), `SplitLayer` (copies share their data and
have diffs of their own), `BasePrefetchingDataLayer`, and the buffers in each layer's header.
Memory is allocated at its first use, so diffs exist only where a gradient flows. Layers of forks
count with their blobs alone, and the workspaces of cuDNN are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.shapes.layer_setup import count
from ssdh_surgery.caffe.shapes.net_shapes import LayerShapes, NetShapes

if TYPE_CHECKING:
    from ssdh_surgery.caffe.net.net import Net

FLOAT_BYTES = 4
# The tops of these are their bottoms under another name.
_VIEWS = frozenset(["Flatten", "Reshape", "Split"])
# These read batches ahead, and their tops are the batch that was read last.
_PREFETCHING = frozenset(["Data", "ImageData", "WindowData"])
# What layers keep, in multiples of their first bottom.
_KEPT = {
    "BatchNorm": 2,
    "EuclideanLoss": 1,
    "HuberLoss": 1,
    "InfogainLoss": 1,
    "LRN": 1,
    "MVN": 1,
    "SigmoidCrossEntropyLoss": 1,
    "SmoothL1Loss": 2,
    "SoftmaxWithLoss": 1,
}
# What they keep besides where they work in place.
_KEPT_IN_PLACE = {"BatchNorm": 1, "PReLU": 1, "Scale": 1}
# LRN within channels is made of five layers; while it is trained, they have diffs.
_KEPT_WITHIN_CHANNELS = {False: 3, True: 8}


@dataclass(frozen=True)
class NetMemory:
    """The bytes of a net without its params.

    Attributes:
        in_log: Caffe's own figure, `Memory required for data`: every top once, copies included.
        batch: what grows with the batch: data, diffs, buffers, and batches read ahead.
        columns: the buffers of convolutions, each for one image.
    """

    in_log: int
    batch: int
    columns: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.batch + self.columns


def net_memory(net: Net, shapes: NetShapes, *, is_trained: bool) -> NetMemory | None:
    """The memory of a net in a state; None where a shape is unknown.

    Args:
        net: the net.
        shapes: its shapes in the state.
        is_trained: whether gradients are computed.
    """
    graph = net.graph(shapes.state)
    sizes = _sizes(net, graph, shapes)
    if sizes is None:
        return None
    layers = [each for each in shapes.layers if not each.layer.is_padding]
    in_log = sum(size * (1 + graph.copies(blob)) for blob, size in sizes.items())
    # A loss without a top has one that Caffe adds.
    in_log += sum(count(top or ()) for each in layers for top in each.tops[len(each.layer.tops) :])
    values = sum(_data(each.layer, graph, sizes) for each in layers)
    values += sum(_kept(each, is_trained=is_trained) for each in layers)
    if is_trained:
        values += _diffs(layers, graph, sizes)
    return NetMemory(
        in_log * FLOAT_BYTES, values * FLOAT_BYTES, sum(map(_columns, layers)) * FLOAT_BYTES
    )


def _sizes(net: Net, graph: BlobGraph, shapes: NetShapes) -> dict[NetBlob, int] | None:
    """The number of values of each blob; None where one is unknown."""
    blobs = {NetBlob(name, None): shapes.blobs.get(name) for name in net.inputs}
    for each in shapes.layers:
        if each.params is None:
            return None
        if not each.layer.is_padding:
            blobs.update(zip(graph.writes(each.layer), each.tops, strict=False))
    sizes = {blob: count(shape) for blob, shape in blobs.items() if shape is not None}
    return sizes if len(sizes) == len(blobs) else None


def _data(layer: Layer, graph: BlobGraph, sizes: dict[NetBlob, int]) -> int:
    """The values of the tops of a layer that have memory of their own."""
    if layer.type in _VIEWS:
        return 0
    blobs = [blob for blob in graph.writes(layer) if not layer.is_in_place(blob.top)]
    # They all have this field, whatever their type.
    times = layer.parameter.data_param.prefetch if layer.type in _PREFETCHING else 1
    return times * sum(sizes[blob] for blob in blobs)


def _diffs(layers: list[LayerShapes], graph: BlobGraph, sizes: dict[NetBlob, int]) -> int:
    """The values of the diffs of blobs: of those above a param that learns."""
    total = 0
    with_gradient: set[NetBlob | None] = set()
    for each in layers:
        layer = each.layer
        if not _learns(each) and not with_gradient.intersection(graph.reads(layer)):
            continue
        for blob in graph.writes(layer):
            with_gradient.add(blob)
            is_own = layer.type not in _VIEWS and not layer.is_in_place(blob.top)
            total += sizes[blob] * (is_own + graph.copies(blob))
    return total


def _learns(each: LayerShapes) -> bool:
    """Whether a param of a layer has a learning rate."""
    rule = LAYER_RULES.get(each.layer.type)
    if rule is not None and rule.has_statistics:
        return False
    rates = [spec.lr_mult for spec in each.layer.params]
    return any(rates[i : i + 1] != [0] for i in range(len(each.params or ())))


def _kept(each: LayerShapes, *, is_trained: bool) -> int:
    """The values that a layer keeps beside its blobs, for the whole batch."""
    layer = each.layer
    bottom, top = (count(blobs[0] or ()) if blobs else 0 for blobs in (each.bottoms, each.tops))
    param = layer.parameter
    if layer.type == "Pooling":
        # Where each maximum was.
        return top if param.pooling_param.pool == param.pooling_param.MAX else 0
    if layer.type == "Eltwise":
        return top if param.eltwise_param.operation == param.eltwise_param.MAX else 0
    if layer.type == "Dropout":
        return bottom if is_trained else 0
    if layer.type == "LRN" and param.lrn_param.norm_region == param.lrn_param.WITHIN_CHANNEL:
        return bottom * _KEPT_WITHIN_CHANNELS[is_trained]
    times = _KEPT.get(layer.type, 0)
    if layer.is_in_place():
        times += _KEPT_IN_PLACE.get(layer.type, 0)
    return times * bottom


def _columns(each: LayerShapes) -> int:
    """The values of the matrix that a convolution makes of one image."""
    layer = each.layer
    if layer.type not in ("Convolution", "Deconvolution") or not each.params:
        return 0
    weights, bottom, top = each.params[0], each.bottoms[0], each.tops[0]
    if bottom is None or top is None:
        return 0
    axes = len(weights) - 2
    if math.prod(weights[2:]) == 1 and bottom[-axes:] == top[-axes:]:
        return 0  # Caffe multiplies the image itself
    large, small = (bottom, top) if layer.type == "Convolution" else (top, bottom)
    channels = large[-axes - 1]
    return channels * math.prod(weights[2:]) * math.prod(small[-axes:])
