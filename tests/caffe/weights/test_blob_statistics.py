"""Statistics of blobs, compared with NumPy's of all values at once."""

from __future__ import annotations

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.blob_statistics import bad_values, blob_statistics

RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize(
    "values",
    [
        np.float32([2]),
        np.float32(7),
        RANDOM.normal(size=(40, 3, 5, 5)).astype(np.float32),
        RANDOM.normal(1e4, 1e-2, 700_000).astype(np.float32),
        np.repeat(np.float32([0, 1, 5]), 300_000),
    ],
)
def test_as_numpy_has_them(values: np.ndarray) -> None:
    ours, doubles = blob_statistics(values), values.astype(np.float64)
    assert ours.count == values.size
    assert ours.mean == pytest.approx(doubles.mean(), rel=1e-12)
    assert ours.std == pytest.approx(doubles.std(), rel=1e-9)
    assert (ours.least, ours.most) == (values.min(), values.max())
    assert ours.zeros == (values == 0).sum()
    assert ours.is_finite
    assert not ours.is_zero


def test_values_that_are_not_finite_are_counted_and_left_out() -> None:
    values = np.zeros(600_000, np.float32)
    values[[5, 400_000]] = np.nan
    values[[6, 7, 8]] = np.inf, -np.inf, 4
    ours = blob_statistics(values)
    assert (ours.nans, ours.infs, ours.zeros) == (2, 2, 600_000 - 5)
    assert (ours.least, ours.most) == (0, 4)
    assert ours.mean == pytest.approx(4 / (600_000 - 4))
    assert not ours.is_finite
    assert bad_values(values) == (2, 2)


def test_blobs_without_a_number() -> None:
    for values in (np.full(3, np.nan, np.float32), np.empty((0, 3), np.float32)):
        ours = blob_statistics(values)
        assert (ours.mean, ours.std, ours.least, ours.most) == (None,) * 4
        assert not ours.is_zero
    assert blob_statistics(np.zeros(3, np.float32)).is_zero
