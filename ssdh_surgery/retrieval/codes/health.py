"""Health of codes: how much information their bits carry, measured on all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# An activation closer to its threshold than this is barely decided.
NEAR = 0.1
# A bit is dead if it differs in at most this share of the codes.
_DEAD_SHARE = 0.001
_SAMPLE = 20_000
# Fewer codes say nothing about a collapse.
_TOO_FEW = 10
_LOW_ENTROPY = 0.1
# A bit with a larger share of ones has the value 1 in common.
_MOSTLY = 0.5


@dataclass(frozen=True, eq=False)
class Health:
    """Statistics of the bits of N codes.

    Args:
        count: the number of codes.
        fire_rates: the share of ones of each bit, [K].
        dead: the number of bits that are (nearly) constant.
        entropy: the mean over bits; 1 is the entropy of a bit that is set half of the time.
        correlation: the mean absolute correlation of two live bits.
        strongest: the largest absolute correlation of two live bits.
        distinct: the number of distinct codes.
        near: the share of activations within 0.1 of the threshold, None if unknown.
        threshold: the activation above which a bit is 1.
    """

    count: int
    fire_rates: NDArray[np.float64]
    dead: int
    entropy: float
    correlation: float
    strongest: float
    distinct: int
    near: float | None
    threshold: float = 0.5

    @property
    def bits(self) -> int:
        """The width of a code."""
        return len(self.fire_rates)

    @property
    def is_collapsed(self) -> bool:
        """Whether the codes are (nearly) all the same."""
        if self.count < _TOO_FEW:
            return False
        return self.distinct == 1 or 2 * self.dead >= self.bits or self.entropy < _LOW_ENTROPY

    @property
    def is_constant(self) -> bool:
        """Whether all codes are one, so that a search tells nothing apart."""
        return self.is_collapsed and self.distinct == 1

    @property
    def is_at_start(self) -> bool:
        """Whether each bit is mostly 1, as the hash layer's first bias of 1 makes it.

        Codes that collapse in training have a common value that differs from bit to bit.
        """
        return self.is_collapsed and bool((self.fire_rates > _MOSTLY).all())

    def summary(self) -> str:
        """The measures that matter during training, in a clause."""
        return (
            f"{self.dead} of {self.bits} bits dead, entropy {self.entropy:.2f} of 1 per bit, "
            f"{self._distinct_codes()}"
        )

    def _distinct_codes(self) -> str:
        return (
            f"{self.distinct:,} distinct code{'' if self.distinct == 1 else 's'} of {self.count:,}"
        )

    def words(self) -> list[str]:
        """The measures in sentences."""
        rates = self.fire_rates
        sentences = [
            f"fire rate {rates.mean():.2f} (from {rates.min():.2f} to {rates.max():.2f} per bit)",
            f"{self.dead} of {self.bits} bits dead",
            f"entropy {self.entropy:.2f} of 1 per bit",
            f"correlation {self.correlation:.2f} between bits, at most {self.strongest:.2f}",
            self._distinct_codes(),
        ]
        if self.near is not None:
            sentences.append(f"{self.near:.1%} of activations within {NEAR} of {self.threshold:g}")
        return sentences

    def as_json(self) -> dict[str, Any]:
        """The measures as `encode --json` prints them."""
        return {
            "count": self.count,
            "fire_rates": [round(float(rate), 6) for rate in self.fire_rates],
            "dead_bits": np.flatnonzero(_are_dead(self.fire_rates)).tolist(),
            "entropy": self.entropy,
            "correlation": self.correlation,
            "strongest_correlation": self.strongest,
            "distinct": self.distinct,
            "near": self.near,
            "collapsed": self.is_collapsed,
        }


def _are_dead(rates: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.minimum(rates, 1 - rates) < _DEAD_SHARE


def health_of(
    packed: NDArray[np.uint8],
    bits: int,
    near: float | None = None,
    threshold: float = 0.5,
) -> Health:
    """The health of packed codes [N, ceil(bits / 8)], N at least 1."""
    count = len(packed)
    ones = np.zeros(bits, np.int64)
    for start in range(0, count, _SAMPLE):
        ones += np.unpackbits(packed[start : start + _SAMPLE], axis=1, count=bits).sum(
            0, dtype=np.int64
        )
    rates = ones / count
    dead = _are_dead(rates)
    clipped = np.clip(rates, 1e-12, 1 - 1e-12)
    entropy = -(clipped * np.log2(clipped) + (1 - clipped) * np.log2(1 - clipped))
    rows = np.ascontiguousarray(packed)
    distinct = len(np.unique(rows.view(f"V{rows.shape[1]}")))
    step = max(1, count // _SAMPLE)
    sample = np.unpackbits(rows[::step], axis=1, count=bits)[:, ~dead]
    return Health(
        count,
        rates,
        int(dead.sum()),
        float(entropy.mean()),
        *_correlations(sample),
        distinct,
        near,
        threshold,
    )


def _correlations(bits: NDArray[np.uint8]) -> tuple[float, float]:
    """The mean and the largest absolute correlation of two bits; 0 for fewer than two bits."""
    centred = bits - bits.mean(0)
    spread = np.sqrt((centred**2).sum(0))
    kept = centred[:, spread > 0] / spread[spread > 0]
    width = kept.shape[1]
    if width < 2:
        return 0.0, 0.0
    pairs = np.abs((kept.T @ kept)[np.triu_indices(width, 1)])
    return float(pairs.mean()), float(min(1.0, pairs.max()))
