"""Records of raw images for tests: the bytes that `ssdh data build` makes of pixels at hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.datum import blank_raw


def write_raw(pixels: NDArray[np.uint8], label: int) -> bytes:
    """The record of a raw image, uint8 [C, H, W]."""
    channels, height, width = pixels.shape
    record, blank = blank_raw((channels, height, width), label)
    blank[...] = pixels
    return bytes(record)
