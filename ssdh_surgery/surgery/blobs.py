"""Verbs on blobs: rename one with all who read it, rewire one bottom.

Each returns a `Change`; where there is nothing to do, one without edits.
"""

from __future__ import annotations

from collections.abc import Iterable

from ssdh_surgery.caffe.blobs import Blob, BlobGraph
from ssdh_surgery.caffe.layer import Layer
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.caffe.phase import PHASES, Phase
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery import fields
from ssdh_surgery.surgery.change import Change, merged


def rewire(layer: Layer, bottom: int, name: str) -> Change:
    """Let one bottom of a layer read another blob.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.caffe.net import Net
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'layer { name: "fc8" bottom: "fc7" }'))
    >>> apply(net.document.text, rewire(net.layer("fc8"), 0, "code").edits)
    'layer { name: "fc8" bottom: "code" }'
    """
    return fields.set_value(layer.outer.entries("bottom")[bottom], name)


def rename(net: Net, writer: Layer, top: int, name: str, phase: Phase | None = None) -> Change:
    """Rename a blob as one layer writes it: the top, its in-place writers, and its readers.

    Without a phase, in every phase that the writer is in.

    Raises:
        SurgeryError: a layer that would change also reads a blob of that name from
            another writer, in a phase that is left alone.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'layer { name: "a" top: "x" } layer { name: "b" bottom: "x" }'))
    >>> apply(net.document.text, rename(net, net.layer("a"), 0, "y").edits)
    'layer { name: "a" top: "y" } layer { name: "b" bottom: "y" }'
    """
    old = writer.tops[top]
    if old == name:
        return Change()
    renamed: dict[Entry, Layer] = {}
    for each in [phase] if phase else PHASES:
        graph = net.graph(each)
        if graph.takes_part(writer):
            renamed.update(_places(graph, graph.writes(writer)[top]))
    _refuse_shared(net, renamed, writer, old)
    return merged(fields.set_value(entry, name) for entry in renamed)


def _places(graph: BlobGraph, blob: Blob) -> Iterable[tuple[Entry, Layer]]:
    """Every bottom and top in which a blob and its in-place successors are named."""
    for each in graph.chain(blob):
        assert each.writer is not None
        yield each.writer.outer.entries("top")[each.top], each.writer
        for reader, bottom in graph.consumers(each):
            yield reader.outer.entries("bottom")[bottom], reader


def _refuse_shared(net: Net, renamed: dict[Entry, Layer], writer: Layer, name: str) -> None:
    for phase in PHASES:
        graph = net.graph(phase)
        for entry, layer in renamed.items():
            if not graph.takes_part(layer) or entry.field.name != "bottom":
                continue
            index = layer.outer.entries("bottom").index(entry)
            blob = graph.reads(layer)[index]
            if blob is None or blob.writer is None:
                continue
            if blob.writer.outer.entries("top")[blob.top] not in renamed:
                raise SurgeryError(
                    f"blob '{name}' of layer '{writer.name}' cannot be renamed: layer "
                    f"'{layer.name}' reads it in one phase and that of layer "
                    f"'{blob.writer.name}' in {phase}",
                    location=entry.location,
                    hint="rename both",
                )
