"""SSDH2xx: what a net says about itself: unknown bottoms, tops that are written twice."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.errors import Finding
from ssdh_surgery.pipeline.check import Subject


def findings(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the connections of each net in each phase that it is run in."""
    for net, phase in subject.nets:
        yield from net.graph(phase).findings
        if not net.layers_in(phase):
            yield Finding(
                "SSDH203",
                "no-layers",
                "error",
                f"{net.file}: the net has no layer in phase {phase}",
            )
