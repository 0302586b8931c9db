"""Unread blobs: layers that go because nothing reads them any more, and Silence layers.

A patched net has no outputs that the original did not have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.caffe.net.phase import PHASES, Phase
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import layers


@dataclass(frozen=True)
class Cut:
    """A layer whose first bottom is to be another blob, so that it no longer reads the old one."""

    layer: Layer
    blob: str


def unread_layers(net: Net, removed: Collection[Layer] = (), cut: Cut | None = None) -> list[Layer]:
    """The removed layers and those that nothing reads without them, in the text's order.

    A layer that reaches a loss, an accuracy or an output in some other way stays. A Silence
    keeps no layer: it is removed when all that it reads is removed.

    Args:
        net: the net.
        removed: layers that are taken out.
        cut: a layer that is to read another blob.
    """
    silences = [layer for layer in net.layers if layer.type == "Silence"]
    # The Silences that stay, and so count as readers.
    kept: set[int] = set()
    while True:
        indices = {layer.index for layer in removed}
        for layer in reversed(net.layers):
            if _is_unread(net, layer, indices, cut, kept):
                indices.add(layer.index)
        whole = {layer.index for layer in silences if _writers(net, layer) <= indices}
        partial = {layer.index for layer in silences if _writers(net, layer) & indices} - whole
        if partial <= kept:
            break
        kept |= partial
    indices |= {layer.index for layer in silences if layer.index in whole and _writers(net, layer)}
    return [layer for layer in net.layers if layer.index in indices]


def _is_unread(
    net: Net, layer: Layer, removed: Collection[int], cut: Cut | None, silences: Collection[int]
) -> bool:
    if any(layer.loss_weights):
        return False
    was_read = False
    for graph in _graphs(net, layer):
        features = graph.last(cut.blob) if cut else None
        if features is not None and features.writer is layer:
            return False
        for blob in graph.writes(layer):
            for reader, bottom in graph.consumers(blob):
                if reader.type == "Silence" and reader.index not in silences:
                    continue
                is_cut = cut is not None and reader is cut.layer and bottom == 0
                if reader.index not in removed and not is_cut:
                    return False
                was_read = True
    return was_read


def _writers(net: Net, layer: Layer) -> set[int]:
    return {
        blob.writer.index
        for graph in _graphs(net, layer)
        for blob in graph.reads(layer)
        if blob and blob.writer
    }


def _graphs(net: Net, layer: Layer) -> list[BlobGraph]:
    return [net.graph(phase) for phase in PHASES if net.graph(phase).takes_part(layer)]


def newly_unread_blobs(before: Net, after: Net) -> dict[str, tuple[Phase, ...]]:
    """The blobs that a layer reads before a change and none reads after it, with their phases."""
    phases_of: dict[str, tuple[Phase, ...]] = {}
    for phase in PHASES:
        old, new = before.graph(phase), after.graph(phase)
        outputs = {blob.name for blob in old.outputs}
        for blob in new.outputs:
            if old.last(blob.name) and blob.name not in outputs:
                phases_of[blob.name] = (*phases_of.get(blob.name, ()), phase)
    return phases_of


def silence(net: Net, blobs: Iterable[tuple[str, tuple[Phase, ...]]]) -> Change:
    """Add a Silence for each blob that would be an output, in the phases where it would be one.

    V0 has no such layer, and gets none.
    """
    if net.dialect is Dialect.V0:
        return Change()
    names = set(net.names)
    new = []
    for blob, phases in blobs:
        name = unique_name(f"silence_{blob}", names)
        names.add(name)
        rule = [("include", [("phase", Word(phase))]) for phase in phases]
        only = rule if len(phases) < len(PHASES) else []
        new.append([("name", name), ("type", "Silence"), ("bottom", blob), *only])
    return merge([layers.insert_after(net.layers[-1], new)])
