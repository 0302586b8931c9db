"""SSDH2xx: what Caffe would refuse to build: unknown bottoms, duplicate tops, shape mismatches."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.findings import NO_LAYERS, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.nets.refusals import build_errors


def findings(subject: Subject) -> Iterator[Finding]:
    """The errors of each net in each state that the solver runs it in."""
    for (net, state), net_shapes in zip(subject.nets, subject.shapes, strict=True):
        yield from build_errors(net, state, net_shapes)
        if not net.layers_in(state):
            yield NO_LAYERS.at(Location(net.file), f"the net has no layers in phase {state}")
