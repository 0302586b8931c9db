"""The health of the codes of a sample: bits, distances within and across classes, a quick mAP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.caffe.net.heads import HashLayer, heads
from ssdh_surgery.caffe.net.solver import Run
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.data.labelled_layers import labelled_layers
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.retrieval.codes.codes import pack
from ssdh_surgery.retrieval.codes.health import Health, health_of
from ssdh_surgery.retrieval.evaluate.sample import SampleMeasures, sample_measures

if TYPE_CHECKING:
    Values = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class SampleHealth:
    """What the codes of a sample are worth.

    Attributes:
        health: the statistics of the bits.
        quantisation_error: the mean distance of an activation from the bit that it becomes; None
            for codes whose activations have no bounds.
        measures: how the codes agree with the labels; None without labels, or if the sample has
            one class, or no class twice.
        classes: the number of different labels; None without labels.
    """

    health: Health
    quantisation_error: float | None = None
    measures: SampleMeasures | None = None
    classes: int | None = None

    @property
    def collapse(self) -> Finding | None:
        """A doubt about codes that are nearly all the same, though not of one class."""
        from ssdh_surgery.pipeline.encode.findings import collapse_finding

        return None if self.classes == 1 else collapse_finding(self.health)

    def brief(self) -> str:
        """The measures that people watch."""
        words = f"codes: {self.health.distinct:,} distinct of {self.health.count:,}"
        if self.measures is None:
            return words
        return f"{words}, mAP about {self.measures.mean_average_precision:.2f}"

    def words(self) -> str:
        """All measures in a clause."""
        health, measures = self.health, self.measures
        parts = [
            self.brief(),
            f"{health.dead} of {health.bits} bits dead",
            f"fire rates {health.fire_rates.min():.2f} to {health.fire_rates.max():.2f}",
            f"entropy {health.entropy:.2f} of 1 per bit",
        ]
        if self.quantisation_error is not None:
            parts.append(f"quantisation error {self.quantisation_error:.2f}")
        if measures is not None:
            parts.append(
                f"{measures.bits_in_class:.0%} of the bits equal within a class, "
                f"{measures.bits_across:.0%} across classes"
            )
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The measures as `train --json-lines` prints them."""
        measures = self.measures
        return {
            "count": self.health.count,
            "distinct": self.health.distinct,
            "dead": self.health.dead,
            "entropy": self.health.entropy,
            "fire_rates": [round(float(rate), 6) for rate in self.health.fire_rates],
            "quantisation_error": self.quantisation_error,
            "map": measures.mean_average_precision if measures else None,
            "bits_in_class": measures.bits_in_class if measures else None,
            "bits_across": measures.bits_across if measures else None,
        }


def sample_health(layer: HashLayer, codes: Values, labels: Values | None) -> SampleHealth:
    """The health of a sample.

    Args:
        layer: the hash layer.
        codes: its activations [N, K].
        labels: [N, 1], or [N, C] for several labels each; None if they are unknown.
    """
    bits = codes > layer.threshold
    health = health_of(pack(codes, layer.threshold), codes.shape[1])
    error = None
    if layer.code.type in ("Sigmoid", "TanH"):
        span = 1.0 if layer.code.type == "Sigmoid" else 2.0
        low = 1.0 - span
        error = float(np.abs(codes - np.where(bits, 1.0, low)).mean() / span)
    if labels is None or len(labels) != len(codes):
        return SampleHealth(health, error)
    plain = labels[:, 0].astype(np.int64) if labels.shape[1] == 1 else labels
    classes = len(np.unique(plain, axis=0))
    return SampleHealth(health, error, sample_measures(bits, plain), classes)


def tested_records(subject: Subject) -> int | None:
    """The number of records behind the tests; None where no check counts them.

    A test that reads more sees some twice, whose codes are equal of course.
    """
    counts = [
        sum(layer.labels.counts.values())
        for layer in labelled_layers(subject)
        if layer.phase == "TEST" and layer.labels.is_complete
    ]
    return min(counts, default=None)


def sampled_blobs(run: Run, code: str) -> tuple[str, ...]:
    """The blobs that a sample of a net needs: its codes, and the labels if a loss reads any.

    It is empty for a net that does not compute the codes.
    """
    net, state = run
    graph = net.graph(state)
    if graph.last(code) is None:
        return ()
    taking_part = {layer.index for layer in net.layers_in(state)}
    main_first = sorted(heads(net), key=lambda head: not head.is_main)
    judges = (judge for head in main_first for judge in (*head.losses, *head.accuracies))
    labels = (
        judge.bottoms[1]
        for judge in judges
        if judge.index in taking_part and len(judge.bottoms) > 1
    )
    label = next(labels, None)
    return (code,) if label is None else (code, label)
