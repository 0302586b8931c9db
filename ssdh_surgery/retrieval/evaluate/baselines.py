"""Unsupervised hashing to compare trained codes with: LSH, PCA-sign and ITQ.

All take the same features and are fitted to those of the database. LSH: signs of random
projections (Charikar, STOC 2002). PCA-sign and ITQ: Gong and Lazebnik, "Iterative
Quantization: A Procrustean Approach to Learning Binary Codes", CVPR 2011.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError

Features = NDArray[np.float32]
# Projects features [N, D] to real values [N, K] whose signs are the bits.
Projection = Callable[[Features], Features]

_SAMPLE = 20_000
_ITQ_ROUNDS = 50
# Below this share of the largest variance, the products of items lose a direction's digits.
_CONDITION = 1e-8


@dataclass(frozen=True)
class Components:
    """The mean [D] of a sample of features, its directions of largest variance [D, K], and the
    projection [N, K] of the sample on them.
    """

    mean: Features
    directions: Features
    projected: Features


def lsh(features: Features, bits: int, seed: int = 0) -> Projection:
    """Random projections of centred features [N, D] to `bits` values."""
    mean: Features = features.mean(0)
    random = np.random.default_rng(seed)
    directions: Features = random.standard_normal((features.shape[1], bits)).astype(np.float32)
    return partial(_project, mean, directions)


def pca_sign(
    features: Features, bits: int, seed: int = 0, components: Components | None = None
) -> Projection:
    """The first principal components of features [N, D], computed here if not passed.

    Raises:
        DataError: there are more bits than dimensions.
    """
    components = components or principal_components(features, bits, seed)
    return partial(_project, components.mean, components.directions)


def itq(
    features: Features, bits: int, seed: int = 0, components: Components | None = None
) -> Projection:
    """Principal components, rotated towards the corners of a hypercube.

    Raises:
        DataError: there are more bits than dimensions.
    """
    components = components or principal_components(features, bits, seed)
    projected = components.projected
    random = np.random.default_rng(seed)
    rotation = np.linalg.qr(random.standard_normal((bits, bits)))[0].astype(np.float32)
    for _ in range(_ITQ_ROUNDS):
        corners = np.where(projected @ rotation > 0, np.float32(1), np.float32(-1))
        left, _, right = np.linalg.svd(corners.T @ projected)
        rotation = (left @ right).T
    return partial(_project, components.mean, components.directions @ rotation)


def fitted_methods(
    features: Features, bits: int, seed: int = 0
) -> Iterator[tuple[str, Projection]]:
    """Each method by name; only LSH if there are more bits than dimensions."""
    yield "lsh", lsh(features, bits, seed)
    if bits <= features.shape[1]:
        components = principal_components(features, bits, seed)
        yield "pca-sign", pca_sign(features, bits, seed, components)
        yield "itq", itq(features, bits, seed, components)


def _project(mean: Features, directions: Features, some: Features) -> Features:
    return np.asarray((some - mean) @ directions, np.float32)


def _sample(features: Features, seed: int) -> Features:
    if len(features) <= _SAMPLE:
        return features
    return features[np.random.default_rng(seed).choice(len(features), _SAMPLE, replace=False)]


def principal_components(features: Features, bits: int, seed: int = 0) -> Components:
    """The principal components of a sample of features [N, D].

    Raises:
        DataError: there are more bits than dimensions.
    """
    if bits > features.shape[1]:
        raise DataError(
            f"{bits} principal components of features with {features.shape[1]} dimensions",
            hint="omit pca-sign and itq, or use wider features",
        )
    sample = _sample(features, seed)
    mean = sample.mean(0)
    centred = sample - mean
    vectors = _directions(centred.astype(np.float64), bits)
    directions = vectors.astype(np.float32)
    return Components(mean, directions, centred @ directions)


def _directions(centred: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """The directions of largest variance [D, bits] of centred features [N, D]."""
    if bits < len(centred) < centred.shape[1]:
        # The products of items have the same variances as those of dimensions, and are fewer.
        variances, vectors = np.linalg.eigh(centred @ centred.T)
        largest = variances[::-1][:bits]
        if largest[-1] > _CONDITION * largest[0]:
            directions: NDArray[np.float64] = centred.T @ vectors[:, ::-1][:, :bits]
            directions /= np.sqrt(largest)
            return directions
    return np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :bits]
