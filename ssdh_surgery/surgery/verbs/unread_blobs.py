"""What nobody reads any more: layers that go once others do, and tops that a Silence takes.

A net that was patched has no output that it did not have before.
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
    """A layer whose first bottom is to be read from another blob, below which it then stands."""

    layer: Layer
    blob: str


def unread_layers(net: Net, gone: Collection[Layer] = (), cut: Cut | None = None) -> list[Layer]:
    """The layers that go, and those that were read and are so no more, in the text's order.

    A layer that reaches a loss, an accuracy or an output in some other way stays. A Silence
    keeps nothing: it goes with what it reads.
    """
    readers: set[int] = set()
    while True:
        found = {layer.index for layer in gone}
        for layer in reversed(net.layers):
            if _is_unread(net, layer, found, cut, readers):
                found.add(layer.index)
        silences = [layer for layer in net.layers if layer.type == "Silence"]
        torn = {layer.index for layer in silences if _writers(net, layer) & found} - {
            layer.index for layer in silences if _writers(net, layer) <= found
        }
        if torn <= readers:
            break
        readers |= torn
    found |= {
        each.index for each in silences if _writers(net, each) and _writers(net, each) <= found
    }
    return [layer for layer in net.layers if layer.index in found]


def _is_unread(
    net: Net, layer: Layer, gone: Collection[int], cut: Cut | None, silences: Collection[int]
) -> bool:
    if any(layer.loss_weights):
        return False
    was_read = False
    for graph in _graphs(net, layer):
        hashed = graph.last(cut.blob) if cut else None
        if hashed is not None and hashed.writer is layer:
            return False
        for blob in graph.writes(layer):
            for reader, bottom in graph.consumers(blob):
                if reader.type == "Silence" and reader.index not in silences:
                    continue
                is_cut = cut is not None and reader is cut.layer and bottom == 0
                if reader.index not in gone and not is_cut:
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
    """The blobs that somebody read in a net and nobody reads after a change, with the phases."""
    found: dict[str, tuple[Phase, ...]] = {}
    for phase in PHASES:
        old, new = before.graph(phase), after.graph(phase)
        outputs = {blob.name for blob in old.outputs}
        for blob in new.outputs:
            if old.last(blob.name) and blob.name not in outputs:
                found[blob.name] = (*found.get(blob.name, ()), phase)
    return found


def silence(net: Net, blobs: Iterable[tuple[str, tuple[Phase, ...]]]) -> Change:
    """A Silence for each blob that would be an output, in the phases in which it would be one.

    V0 has no such layer: there nothing is done.
    """
    if net.dialect is Dialect.V0:
        return Change()
    taken = set(net.names)
    new = []
    for blob, phases in blobs:
        name = unique_name(f"silence_{blob}", taken)
        taken.add(name)
        rule = [("include", [("phase", Word(phase))]) for phase in phases]
        only = rule if len(phases) < len(PHASES) else []
        new.append([("name", name), ("type", "Silence"), ("bottom", blob), *only])
    return merge([layers.insert_after(net.layers[-1], new)])
