"""Baselines find what is in the features: random projections little, rotations more."""

from __future__ import annotations

import numpy as np
import pytest

from ssdh_surgery.errors import DataError
from ssdh_surgery.retrieval.evaluate.baselines import METHODS, itq, lsh, pca_sign

RANDOM = np.random.default_rng(0)
# Variance falls with the dimension, in directions that are no axes.
_TURN = np.linalg.qr(RANDOM.standard_normal((16, 16)))[0]
FEATURES = ((RANDOM.standard_normal((500, 16)) * 2.0 ** -np.arange(16)) @ _TURN + 3).astype(
    np.float32
)


@pytest.mark.parametrize("name", METHODS)
def test_bits_are_balanced_and_repeatable(name: str) -> None:
    one, other = (METHODS[name](FEATURES, 4, 1)(FEATURES) for _ in range(2))
    assert one.shape == (500, 4)
    assert np.array_equal(one, other)
    assert np.abs((one > 0).mean(0) - 0.5).max() < 0.2


def test_principal_components_are_those_of_largest_variance() -> None:
    projected = pca_sign(FEATURES, 3)(FEATURES)
    assert np.allclose(projected.std(0), [1, 0.5, 0.25], rtol=0.15)
    assert np.allclose(np.corrcoef(projected.T), np.eye(3), atol=1e-3)


def test_itq_quantises_with_less_error_than_pca() -> None:
    def error(values: np.ndarray) -> float:  # type: ignore[type-arg]
        scaled = values / np.abs(values).mean()
        return float(((np.sign(scaled) - scaled) ** 2).mean())

    assert error(itq(FEATURES, 4)(FEATURES)) < 0.8 * error(pca_sign(FEATURES, 4)(FEATURES))


def test_more_bits_than_dimensions() -> None:
    assert lsh(FEATURES, 64)(FEATURES).shape == (500, 64)
    with pytest.raises(DataError) as caught:
        itq(FEATURES, 64)
    assert str(caught.value) == (
        "64 principal components of features with 16 dimensions\n"
        "hint: omit pca-sign and itq, or use wider features"
    )
