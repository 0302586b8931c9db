"""SSDH123: data layers that read no items for a batch."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.findings import NO_BATCH, Finding
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.surgery.verbs.data_layers import SOURCES


def findings(subject: Subject) -> Iterator[Finding]:
    """The data layers whose batch_size is 0 or missing."""
    for net, state in subject.nets:
        for layer in net.layers_in(state):
            message = SOURCES.get(layer.type)
            if message is None or getattr(layer.parameter, message).batch_size > 0:
                continue
            entries = layer.settings(message, "batch_size")
            yield NO_BATCH.at(
                entries[0].location if entries else layer.location,
                f"the batch_size of layer '{layer.name}' is {'0' if entries else 'not set'}",
                f"set batch_size in its {message}",
            )
