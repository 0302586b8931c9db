"""SSDH2xx: BatchNorm layers that are trained without statistics, or on next to none."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.shapes import NetShapes, Shape
from ssdh_surgery.findings import FEW_STATISTICS, NO_SCALE, NO_STATISTICS, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.check.weights.initial_layers import may_start_from_weights

# Of fewer values than these, mean and variance say next to nothing.
_FEW_VALUES = 8


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about BatchNorm; in TEST about layers that measure the batch there, too."""
    for (net, state), net_shapes in zip(subject.nets, subject.shapes, strict=True):
        layers = [layer for layer in net.layers_in(state) if layer.type == "BatchNorm"]
        yield from _measured(layers, net_shapes)
        if state.phase == "TRAIN":
            yield from _stored(layers, subject)
            yield from _unscaled(layers, net.graph(state))


def _uses_stored(layer: Layer, phase: Phase = "TRAIN") -> bool:
    """Whether it takes its statistics from its blobs in a phase."""
    settings = layer.parameter.batch_norm_param
    is_set = settings.HasField("use_global_stats")
    return settings.use_global_stats if is_set else phase == "TEST"


def _place(layer: Layer, name: str) -> Location:
    entries = layer.settings("batch_norm_param", name)
    return entries[-1].location if entries else layer.location


def _stored(layers: list[Layer], subject: Subject) -> Iterator[Finding]:
    """Stored statistics without weights to take them from."""
    empty = [
        layer
        for layer in layers
        if _uses_stored(layer) and not may_start_from_weights(subject, layer.name)
    ]
    if not empty or not subject.has_solver:
        return
    first = empty[0]
    factor = 1 / math.sqrt(first.parameter.batch_norm_param.eps or math.nan)
    others = _others(len(empty))
    yield NO_STATISTICS.at(
        _place(first, "use_global_stats"),
        f"BatchNorm '{first.name}'{others} uses stored statistics (use_global_stats: true), and "
        f"there are no weights that hold them: with mean and variance 0 it multiplies by "
        f"{factor:.0f}",
        "remove use_global_stats, or start from weights: --weights FILE",
    )


def _measured(layers: list[Layer], net_shapes: NetShapes) -> Iterator[Finding]:
    """Statistics of a batch that has hardly any values."""
    few = [
        (layer, shape)
        for layer in layers
        if not _uses_stored(layer, net_shapes.phase)
        and (shape := net_shapes.of(layer).bottoms[0]) is not None
        and (_values(shape) < _FEW_VALUES or shape[0] == 1)
    ]
    if not few:
        return
    layer, shape = min(few, key=lambda each: _values(each[1]))
    values, items = _values(shape), shape[0]
    if values <= 1:
        effect = "of one value per channel, so that its top is all 0"
    elif items == 1:
        effect = f"of a single image, {count_text(values, 'value')} per channel"
    else:
        effect = f"of {count_text(values, 'value')} per channel"
    is_test = net_shapes.phase == "TEST"
    yield FEW_STATISTICS.at(
        layer.location,
        f"BatchNorm '{layer.name}'{_others(len(few))} measures mean and variance {effect}"
        f"{' in TEST' if is_test else ''}",
        "remove use_global_stats: false, so that tests take the stored statistics"
        if is_test
        else "raise batch_size (iter_size does not help: statistics are of one batch), or start "
        "from weights with use_global_stats: true",
    )


def _values(shape: Shape) -> int:
    """The values per channel of a batch."""
    return math.prod(shape) // max(1, shape[1] if len(shape) > 1 else 1)


def _unscaled(layers: list[Layer], graph: BlobGraph) -> Iterator[Finding]:
    """Layers that no Scale follows; a layer of a fork may be one."""
    bare = [layer for layer in layers if _is_unscaled(layer, graph)]
    if bare:
        yield NO_SCALE.at(
            bare[0].location,
            f"no Scale follows BatchNorm '{bare[0].name}'{_others(len(bare))}",
            "BVLC Caffe learns no factor and bias in BatchNorm itself: "
            'layer { type: "Scale" scale_param { bias_term: true } } does',
        )


def _is_unscaled(layer: Layer, graph: BlobGraph) -> bool:
    settings = layer.core.message("batch_norm_param")
    # Forks learn them in the layer itself.
    if settings and any(settings.entry(name) for name in ("scale_bias", "use_weight_bias")):
        return False
    readers = [each for blob in graph.writes(layer) for each, _ in graph.consumers(blob)]
    return not any(each.type in ("Scale", "Bias") or each.is_foreign for each in readers)


def _others(count: int) -> str:
    return f" (and {count_text(count - 1, 'other')})" if count > 1 else ""
