"""Resizing arrays as pycaffe's `resize_image` does, which calls scikit-image or SciPy.

An image of 1 or 3 channels is resized as `skimage.transform.resize` does it: linear interpolation
between the centres of pixels, zeros outside, and a Gaussian filter before an image shrinks (since
scikit-image 0.15). Any other number of channels is resized as `scipy.ndimage.zoom` does it: the
corners of both images are in the same place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
# The radius of the Gaussian filter in standard deviations, as in scipy.ndimage.
_TRUNCATE = 4.0
_IMAGE_CHANNELS = (1, 3)


def resize_image(image: NDArray[Any], height: int, width: int) -> NDArray[np.float32]:
    """An image [H, W, K] resized to [height, width, K] with linear interpolation."""
    low, high = float(image.min()), float(image.max())
    if image.shape[-1] not in _IMAGE_CHANNELS:
        return _resized(image, _between_corners, height, width).astype(np.float32)
    if low == high:
        return np.full((height, width, image.shape[-1]), low, np.float32)
    # The zeros outside are those of an image in [0, 1].
    unit = (image.astype(np.float64) - low) / (high - low)
    resized = _resized(unit, _between_centres, height, width).clip(0, 1)
    return (resized * (high - low) + low).astype(np.float32)


def _resized(
    image: NDArray[Any], weights: Callable[[int, int], Weights], height: int, width: int
) -> Weights:
    """The rows and columns of the result as weighted sums of those of the image."""
    rows, columns = weights(image.shape[0], height), weights(image.shape[1], width)
    result: Weights = np.einsum("yh,xw,hwk->yxk", rows, columns, image, optimize=True)
    return result


def _between_centres(old: int, new: int) -> Weights:
    """Weights [new, old] between the centres of pixels; without those outside, which are zeros."""
    factor = old / new
    places = (np.arange(new) + 0.5) * factor - 0.5
    weights = _linear(places, old)
    return weights @ _gaussian((factor - 1) / 2, old) if factor > 1 else weights


def _between_corners(old: int, new: int) -> Weights:
    """Weights [new, old] that keep the first and the last pixel where they are."""
    return _linear(np.linspace(0, old - 1, new), old)


def _linear(places: NDArray[np.floating[Any]], size: int) -> Weights:
    """Weights [places, size] of linear interpolation; those outside are left out."""
    weights: Weights = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(size)))
    return weights


def _gaussian(sigma: float, size: int) -> Weights:
    """Weights [size, size] of a Gaussian filter; those outside are left out."""
    radius = int(_TRUNCATE * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    offsets = np.arange(size)[:, None] - np.arange(size)
    is_near = np.abs(offsets) <= radius
    weights: Weights = np.where(is_near, kernel[np.clip(offsets + radius, 0, 2 * radius)], 0)
    return weights
