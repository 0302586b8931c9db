"""Health of codes: each measure on codes whose measures are known, and the alarm."""

from __future__ import annotations

import numpy as np
import pytest

from ssdh_surgery.retrieval.codes.health import health_of


def test_measures_of_known_codes() -> None:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2, (4000, 10), dtype=np.uint8)
    bits[:, 1] = bits[:, 0]  # the same, and its contrary
    bits[:, 2] = 1 - bits[:, 0]
    bits[:, 3] = 1  # dead
    bits[:, 4] = random.random(4000) < 0.1
    found = health_of(np.packbits(bits, axis=1), 10, 0.25)
    assert np.allclose(found.fire_rates, bits.mean(0))
    assert found.dead == 1
    rate = bits[:, 4].mean()
    entropy = -(rate * np.log2(rate) + (1 - rate) * np.log2(1 - rate))
    assert found.entropy == pytest.approx((8 * 1 + entropy) / 10, abs=1e-3)
    # Three pairs of nine living bits are the same or the contrary.
    assert found.correlation == pytest.approx(3 / 36, abs=0.02)
    assert found.strongest == pytest.approx(1)
    assert found.as_json()["dead_bits"] == [3]
    assert found.distinct == len({tuple(row) for row in bits.tolist()})
    assert not found.is_collapsed
    assert found.words()[-1] == "25.0% of activations within 0.1 of 0.5"


def test_collapse() -> None:
    same = np.full((50, 6), 0b10101010, np.uint8)
    assert health_of(same, 48).is_collapsed
    assert not health_of(same[:5], 48).is_collapsed  # too few to tell
    random = np.random.default_rng(0)
    half = same.copy()
    half[:, 3:] = random.integers(0, 256, (50, 3), dtype=np.uint8)
    assert health_of(half, 48).is_collapsed  # half of the bits are dead
    half[:, 2:] = random.integers(0, 256, (50, 4), dtype=np.uint8)
    assert not health_of(half, 48).is_collapsed


def test_codes_that_are_not_trained_enough_differ_from_collapsed_ones() -> None:
    """A new hash layer has a bias of 1: before it has learned, the sigmoid of all bits is 0.73."""
    random = np.random.default_rng(0)
    untrained = 1 + random.normal(0, 0.1, (50, 16)) > 0
    collapsed = np.tile(random.random(16) > 0.5, (50, 1))
    starts = []
    for bits in (untrained, collapsed, random.random((50, 16)) > 0.5):
        health = health_of(np.packbits(bits, axis=1), 16)
        starts.append((health.is_collapsed, health.is_at_start))
    assert starts == [(True, True), (True, False), (False, False)]


def test_codes_of_ones_are_those_of_the_first_bias() -> None:
    ones = np.packbits(np.ones((100, 48), np.uint8), axis=1)
    assert health_of(ones, 48).is_at_start
    varied = np.packbits(np.tile(np.arange(48, dtype=np.uint8) % 2, (100, 1)), axis=1)
    assert health_of(varied, 48).is_collapsed
    assert not health_of(varied, 48).is_at_start
