"""Baselines find what is in the features: random projections little, rotations more."""

from __future__ import annotations

import numpy as np
import pytest

from ssdh_surgery.errors import DataError
from ssdh_surgery.retrieval.evaluate.baselines import (
    fitted_methods,
    itq,
    lsh,
    pca_sign,
    principal_components,
)

RANDOM = np.random.default_rng(0)
# Variance falls with the dimension, in directions that are no axes.
_TURN = np.linalg.qr(RANDOM.standard_normal((16, 16)))[0]
FEATURES = ((RANDOM.standard_normal((500, 16)) * 2.0 ** -np.arange(16)) @ _TURN + 3).astype(
    np.float32
)


@pytest.mark.parametrize("name", ["lsh", "pca-sign", "itq"])
def test_bits_are_balanced_and_repeatable(name: str) -> None:
    one, other = (dict(fitted_methods(FEATURES, 4, 1))[name](FEATURES) for _ in range(2))
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


def test_items_fewer_than_dimensions_have_the_same_components() -> None:
    few = FEATURES[:12]
    mean = few.mean(0)
    values, vectors = np.linalg.eigh(np.cov(few.T))
    expected = (few - mean) @ vectors[:, ::-1][:, :4]
    projected = pca_sign(few, 4)(few)
    turned = np.sign((projected * expected).sum(0))
    assert np.allclose(projected, expected * turned, atol=1e-4 * values[-1])


def test_one_decomposition_serves_all_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    eigh = np.linalg.eigh

    def counted(matrix: np.ndarray) -> object:
        sizes.append(len(matrix))
        return eigh(matrix)

    monkeypatch.setattr(np.linalg, "eigh", counted)
    for features in (FEATURES[:12], FEATURES):
        assert [name for name, _ in fitted_methods(features, 4)] == ["lsh", "pca-sign", "itq"]
    assert sizes == [12, 16]


def test_directions_without_variance_are_orthonormal_too() -> None:
    features = np.repeat(FEATURES[:3], 4, axis=0)
    directions = principal_components(features, 4).directions
    assert np.allclose(directions.T @ directions, np.eye(4), atol=1e-5)


def test_more_bits_than_dimensions() -> None:
    assert lsh(FEATURES, 64)(FEATURES).shape == (500, 64)
    assert [name for name, _ in fitted_methods(FEATURES, 64)] == ["lsh"]
    with pytest.raises(DataError) as caught:
        itq(FEATURES, 64)
    assert str(caught.value) == (
        "64 principal components of features with 16 dimensions\n"
        "hint: omit pca-sign and itq, or use wider features"
    )
