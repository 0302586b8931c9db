"""Resizing equals what pycaffe computed with scikit-image 0.26 and SciPy 1.17."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from ssdh_surgery.data.interpolation import resize_image
from support.paths import GOLDEN

RECORD = np.load(GOLDEN / "resize_image.npz")


@pytest.mark.parametrize(
    "name", sorted({key.removesuffix(".image") for key in RECORD if key.endswith(".image")})
)
def test_equals_the_record_of_pycaffe(name: str) -> None:
    expected = RECORD[f"{name}.resized"]
    result = resize_image(RECORD[f"{name}.image"], *expected.shape[:2])
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (31, 2), (17, 23)])
def test_equals_scipy_at_any_size(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((17, 23, 3))
    image[0, 0], image[1, 1] = 0, 1
    factors = np.divide(image.shape[:2], size)
    sigmas = (*np.maximum(0, (factors - 1) / 2), 0)
    expected = zoom(
        gaussian_filter(image, sigmas, mode="grid-constant"),
        (*(1 / factors), 1),
        order=1,
        mode="grid-constant",
        grid_mode=True,
    )
    np.testing.assert_allclose(resize_image(image, *size), expected, atol=1e-6)
