"""Measures of a sample of codes that is its own database: quick, in NumPy, without numba."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SampleMeasures:
    """How well the codes of a sample agree with its labels.

    Attributes:
        mean_average_precision: each item searches all others, those at one distance in random
            order; an item without another of its label is no query.
        bits_in_class: the share of bits that two items of one label have in common.
        bits_across: the same for two items without a common label.
    """

    mean_average_precision: float
    bits_in_class: float
    bits_across: float


def sample_measures(
    bits: NDArray[np.bool_], labels: NDArray[Any], seed: int = 0
) -> SampleMeasures | None:
    """The measures of codes [N, K]; None where all items have a label in common, or none have.

    Args:
        bits: the codes.
        labels: a number each, [N], or several labels each, [N, C], not 0 where an item has one.
        seed: the seed of the order of items at one distance.
    """
    order = np.random.default_rng(seed).permutation(len(bits))
    bits, labels = bits[order], labels[order]
    relevant = _are_relevant(labels)
    others = ~np.eye(len(bits), dtype=bool)
    same, different = relevant & others, ~relevant & others
    if not same.any() or not different.any():
        return None
    signs = np.where(bits, np.float32(1), np.float32(-1))
    # The number of bits that two codes have in common, as a share.
    common = (signs @ signs.T / bits.shape[1] + 1) / 2
    return SampleMeasures(
        _mean_average_precision(common, same),
        float(common[same].mean(dtype=np.float64)),
        float(common[different].mean(dtype=np.float64)),
    )


def _are_relevant(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Which pairs of items have a label in common, [N, N]."""
    if labels.ndim == 1:
        return np.asarray(labels[:, None] == labels[None])
    members = (labels != 0).astype(np.float32)
    return np.asarray(members @ members.T > 0)


def _mean_average_precision(common: NDArray[np.float32], same: NDArray[np.bool_]) -> float:
    nearness = common.copy()
    np.fill_diagonal(nearness, -1)  # an item is no hit of its own: it comes last
    order = np.argsort(-nearness, axis=1, kind="stable")
    hits = np.take_along_axis(same, order, 1)
    ranks = np.arange(1, len(common) + 1)
    precision = hits.cumsum(1) / ranks
    counts = hits.sum(1)
    is_query = counts > 0
    return float(((precision * hits).sum(1)[is_query] / counts[is_query]).mean())
