"""Unsupervised hashing to compare trained codes with: LSH, PCA-sign and ITQ.

All take the same features and are fitted to those of the database. LSH: signs of random
projections (Charikar, STOC 2002). PCA-sign and ITQ: Gong and Lazebnik, "Iterative
Quantization: A Procrustean Approach to Learning Binary Codes", CVPR 2011.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError

Features = NDArray[np.float32]
# Projects features [N, D] to real values [N, K] whose signs are the bits.
Projection = Callable[[Features], Features]

_SAMPLE = 20_000
_ITQ_ROUNDS = 50


def lsh(features: Features, bits: int, seed: int = 0) -> Projection:
    """Random projections of centred features [N, D] to `bits` values."""
    mean: Features = features.mean(0)
    random = np.random.default_rng(seed)
    directions: Features = random.standard_normal((features.shape[1], bits)).astype(np.float32)
    return partial(_project, mean, directions)


def pca_sign(features: Features, bits: int, seed: int = 0) -> Projection:
    """The first principal components of features [N, D].

    Raises:
        DataError: there are more bits than dimensions.
    """
    mean, directions = _principal(_sample(features, seed), bits)
    return partial(_project, mean, directions)


def itq(features: Features, bits: int, seed: int = 0) -> Projection:
    """Principal components, rotated towards the corners of a hypercube.

    Raises:
        DataError: there are more bits than dimensions.
    """
    sample = _sample(features, seed)
    mean, directions = _principal(sample, bits)
    projected = (sample - mean) @ directions
    random = np.random.default_rng(seed)
    rotation = np.linalg.qr(random.standard_normal((bits, bits)))[0].astype(np.float32)
    for _ in range(_ITQ_ROUNDS):
        corners = np.where(projected @ rotation > 0, np.float32(1), np.float32(-1))
        left, _, right = np.linalg.svd(corners.T @ projected)
        rotation = (left @ right).T
    return partial(_project, mean, directions @ rotation)


METHODS: dict[str, Callable[[Features, int, int], Projection]] = {
    "lsh": lsh,
    "pca-sign": pca_sign,
    "itq": itq,
}


def _project(mean: Features, directions: Features, some: Features) -> Features:
    return np.asarray((some - mean) @ directions, np.float32)


def _sample(features: Features, seed: int) -> Features:
    if len(features) <= _SAMPLE:
        return features
    return features[np.random.default_rng(seed).choice(len(features), _SAMPLE, replace=False)]


def _principal(features: Features, bits: int) -> tuple[Features, Features]:
    """The mean [D] and the directions of largest variance [D, bits]."""
    if bits > features.shape[1]:
        raise DataError(
            f"{bits} principal components of features with {features.shape[1]} dimensions",
            hint="omit pca-sign and itq, or use wider features",
        )
    mean = features.mean(0)
    centred = (features - mean).astype(np.float64)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return mean, vectors[:, ::-1][:, :bits].astype(np.float32)
