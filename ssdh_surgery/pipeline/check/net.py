"""SSDH2xx: what a net says about itself: unknown bottoms, doubled tops, shapes that clash."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.subject import Subject


def findings(subject: Subject) -> Iterator[Finding]:
    """What is wrong with each net in each state that it is run in."""
    for (net, state), known in zip(subject.nets, subject.shapes, strict=True):
        yield from net.graph(state).findings
        for finding in known.findings:
            # A shape that is not known (data that is not at hand) is no fault.
            if finding.severity == "error":
                yield finding
        if not net.layers_in(state):
            yield Finding(
                "SSDH203",
                "no-layers",
                "error",
                f"{net.file}: the net has no layer in phase {state.phase}",
            )
