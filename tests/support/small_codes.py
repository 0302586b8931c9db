"""Codes for tests, made of bits and labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.retrieval.codes.codes import Codes


def codes_of(bits: NDArray[np.uint8], labels: NDArray[np.int64] | NDArray[np.uint8]) -> Codes:
    """Codes of bits [N, K], with the items' numbers for ids."""
    ids = np.arange(len(bits)).astype(str)
    return Codes(np.packbits(bits, axis=1), bits.shape[1], ids, labels)


def random_codes(count: int, bits: int, classes: int, seed: int) -> Codes:
    """Random bits, and a random label for each item."""
    random = np.random.default_rng(seed)
    return codes_of(
        random.integers(0, 2, (count, bits), dtype=np.uint8), random.integers(0, classes, count)
    )


def unpacked(codes: Codes) -> NDArray[np.uint8]:
    """The bits of codes one by one, uint8 [N, K]."""
    return np.unpackbits(codes.packed, axis=1, count=codes.bits)
