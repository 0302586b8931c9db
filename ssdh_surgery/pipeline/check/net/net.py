"""SSDH2xx: what Caffe would refuse to build, and blobs that are empty."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.net.text_findings import net_text_findings, syntax_findings
from ssdh_surgery.findings import EMPTY_BLOB, NO_LAYERS, Finding
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
            # Data that are missing, and unknown types, are reported as that.
            if finding.is_error or finding.rule is EMPTY_BLOB:
                yield finding
        if not net.layers_in(state):
            yield NO_LAYERS.at(Location(net.file), f"the net has no layers in phase {state}")
