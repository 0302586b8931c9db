"""Verbs on blobs: rename one wherever layers read it, rewire one bottom.

Each returns a `Change`, without edits if there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import fields


def rewire(layer: Layer, bottom: int, name: str) -> Change:
    """Make one bottom of a layer read another blob.

    Raises:
        SurgeryError: the layer has no such bottom.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.caffe.net.net import Net
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'layer { name: "fc8" bottom: "fc7" }'))
    >>> apply(net.document.text, rewire(net.layer("fc8"), 0, "code").edits)
    'layer { name: "fc8" bottom: "code" }'
    """
    entries = layer.outer.entries("bottom")
    if bottom >= len(entries):
        raise SurgeryError(
            f"layer '{layer.name}' has no bottom {bottom}",
            location=layer.location,
            layer=layer.name,
        )
    return fields.set_value(entries[bottom], name)


def rename(net: Net, writer: Layer, top: int, name: str, phase: Phase | None = None) -> Change:
    """Rename the blob that a layer writes: the top, its in-place writers, and its readers.

    Without a phase, this is done in every phase, stage and level that the writer is in.

    Raises:
        SurgeryError: the name is taken, or a layer would lose its blob: one that reads the
            blob in a phase that is not renamed, or that reads a blob of the same name from
            another writer there.

    >>> from ssdh_surgery import parse
    >>> from ssdh_surgery.prototxt.edits import apply
    >>> net = Net(parse(b'layer { name: "a" top: "x" } layer { name: "b" bottom: "x" }'))
    >>> apply(net.document.text, rename(net, net.layer("a"), 0, "y").edits)
    'layer { name: "a" top: "y" } layer { name: "b" bottom: "y" }'
    """
    if writer.tops[top] == name:
        return Change()
    entries: dict[Entry, None] = {}
    for state in net.states:
        graph = net.graph(state)
        if phase in (None, state.phase) and graph.takes_part(writer):
            _refuse_taken(graph, name)
            for blob in graph.chain(graph.writes(writer)[top]):
                entries.update(dict.fromkeys(entry for _, entry in _mentions(graph, blob)))
    for graph in net.graphs:
        _refuse_partial_rename(graph, entries, writer)
    return merge(fields.set_value(entry, name) for entry in entries)


def _mentions(graph: BlobGraph, blob: NetBlob) -> Iterator[tuple[Layer, Entry]]:
    """The top and the bottoms that name a blob, with their layers."""
    if blob.writer is not None:
        yield blob.writer, blob.writer.outer.entries("top")[blob.top]
    for reader, bottom in graph.consumers(blob):
        yield reader, reader.outer.entries("bottom")[bottom]


def _refuse_taken(graph: BlobGraph, name: str) -> None:
    blob = graph.last(name)
    if blob is None:
        return
    by = f"layer '{blob.writer.name}'" if blob.writer else "an input of the net"
    location = blob.writer.location if blob.writer else None
    raise SurgeryError(f"the net already has a blob '{name}': {by}", location=location, blob=name)


def _refuse_partial_rename(graph: BlobGraph, entries: Container[Entry], writer: Layer) -> None:
    """Refuse to rename a blob in some entries and not in others."""
    touched = (
        blob for layer in graph.layers for blob in (*graph.reads(layer), *graph.writes(layer))
    )
    for blob in dict.fromkeys(touched):
        mentions = list(_mentions(graph, blob)) if blob else []
        others = [layer for layer, entry in mentions if entry not in entries]
        if blob and others and len(others) < len(mentions):
            names = " and ".join(dict.fromkeys(f"'{layer.name}'" for layer in others))
            raise SurgeryError(
                f"blob '{blob.name}' of layer '{writer.name}' cannot be renamed: "
                f"in {graph.state} it also belongs to {names}",
                location=writer.location,
                hint="rename both in every phase",
                layer=writer.name,
            )
