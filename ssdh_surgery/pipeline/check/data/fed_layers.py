"""SSDH151, SSDH152: data that `caffe train` has not: those of a program, and none at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.findings import FED_BY_PROGRAM, NO_REAL_DATA, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.subject import Subject

# What Caffe does without the program.
_FED = {
    "MemoryData": "Caffe stops at the first batch",
    "Input": "Caffe trains on zeros",
}
_HINT = "replace it with a Data layer: 'ssdh data build' makes its database of a list or of folders"


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the data layers of the nets that a solver runs."""
    for net, state in subject.nets:
        graph = net.graph(state)
        layers = net.layers_in(state)
        for layer in layers:
            if layer.type in _FED and _is_read(graph, graph.writes(layer)):
                yield FED_BY_PROGRAM.at(
                    layer.location,
                    f"layer '{layer.name}' is fed by a program, and caffe train has none: "
                    f"{_FED[layer.type]}",
                    _HINT,
                )
        yield from _inputs(net, graph)
        if state.phase == "TRAIN":
            yield from _dummies(layers)


def _is_read(graph: BlobGraph, blobs: Sequence[NetBlob]) -> bool:
    """Whether a layer makes use of one of these blobs."""
    return any(reader.type != "Silence" for blob in blobs for reader, _ in graph.consumers(blob))


def _inputs(net: Net, graph: BlobGraph) -> Iterator[Finding]:
    """The inputs that the net declares at its top."""
    read = {
        blob.name
        for layer in graph.layers
        if layer.type != "Silence"
        for blob in graph.reads(layer)
        if blob and blob.writer is None
    }
    names = [name for name in net.inputs if name in read]
    if names:
        entry = net.root.entry("input")
        listed = ", ".join(f"'{name}'" for name in names)
        yield FED_BY_PROGRAM.at(
            entry.location if entry else Location(net.file),
            f"a program feeds the input {listed} of the net, and caffe train has none: "
            f"{_FED['Input']}",
            _HINT,
        )


def _dummies(layers: Sequence[Layer]) -> Iterator[Finding]:
    """A net with a loss whose data are all made up."""
    sources = [layer for layer in layers if layer.is_data]
    if not any(layer.is_loss for layer in layers) or not sources:
        return
    if all(layer.type == "DummyData" for layer in sources):
        yield NO_REAL_DATA.at(
            sources[0].location,
            f"all data of the net come from DummyData layers, such as '{sources[0].name}': "
            "constants or random numbers",
            _HINT,
        )
