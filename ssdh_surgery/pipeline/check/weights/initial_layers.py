"""The layers that a run starts from weights, and not from their fillers."""

from __future__ import annotations

from functools import lru_cache

from ssdh_surgery.caffe.weights.weights_summary import weights_summary
from ssdh_surgery.errors import MissingExtra, SsdhError
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.check.weights.weights_copy import weights_files


@lru_cache(maxsize=1)
def initial_layers(subject: Subject) -> frozenset[str] | None:
    """The names of the layers that are in the weights; None where these are unknown.

    They are where a snapshot is resumed, or a file cannot be read.
    """
    if subject.is_resumed:
        return None
    try:
        summaries = [weights_summary(file.path) for file in weights_files(subject)]
    except (SsdhError, MissingExtra):
        return None
    return frozenset(layer.name for summary in summaries for layer in summary.layers)


def may_start_from_weights(subject: Subject, layer: str) -> bool:
    """Whether a layer may start from weights."""
    layers = initial_layers(subject)
    return layers is None or layer in layers
