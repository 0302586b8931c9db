"""SSDH2xx: what Caffe would refuse to build, types that only a fork has, and empty blobs."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.net.text_findings import net_text_findings, syntax_findings
from ssdh_surgery.findings import NO_LAYERS, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.subject import Subject


def findings(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the text of each net, and with its layers in each state of it."""
    documents = dict.fromkeys(net.document for net, _ in subject.nets)
    for document in documents:
        if document is not subject.solver.document:
            yield from syntax_findings(document)
    for net in dict.fromkeys(net for net, _ in subject.nets):
        yield from net_text_findings(net)
    for (net, state), net_shapes in zip(subject.nets, subject.shapes, strict=True):
        for finding in (*net.graph(state).findings, *net_shapes.findings):
            # Shapes that are unknown without the data are reported with the data.
            if finding.severity != "info":
                yield finding
        if not net.layers_in(state):
            yield NO_LAYERS.at(Location(net.file), f"the net has no layers in phase {state}")
