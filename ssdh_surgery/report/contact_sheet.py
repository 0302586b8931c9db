"""Pictures side by side on one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.image import encode, resize
from ssdh_surgery.errors import UsageError
from ssdh_surgery.location import Location

Thumbnail = NDArray[np.uint8]

# A place on the sheet, and the white that is left free in it, in pixels.
SIDE = 96
_MARGIN = 4


def refuse_sheet_kind(path: Path) -> None:
    """Refuse a sheet whose name says that it is something else than a PNG.

    Raises:
        UsageError: it ends otherwise.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(
            f"a sheet ends in .png, not in '{path.suffix}'", location=Location(str(path))
        )


def thumbnail(pixels: NDArray[Any]) -> Thumbnail:
    """A picture [C, H, W] as [h, w, 3], at most as large as its place.

    One or two channels are shown in grey, floats from their least to their largest value.

    Raises:
        MissingExtra: OpenCV is not installed.
    """
    channels = pixels[:3] if len(pixels) >= 3 else np.repeat(pixels[:1], 3, axis=0)
    if channels.dtype != np.uint8:
        low, high = float(channels.min()), float(channels.max())
        channels = ((channels - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    picture = np.ascontiguousarray(channels.transpose(1, 2, 0))
    height, width = picture.shape[:2]
    scale = (SIDE - _MARGIN) / max(height, width)
    return resize(picture, (max(1, round(width * scale)), max(1, round(height * scale))))


def sheet(rows: Sequence[Sequence[Thumbnail | None]]) -> bytes:
    """A PNG of rows of thumbnails; None leaves a place free.

    Raises:
        MissingExtra: OpenCV is not installed.
    """
    columns = max(map(len, rows))
    image = np.full((len(rows) * SIDE, columns * SIDE, 3), 255, np.uint8)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            if picture is not None:
                height, width = picture.shape[:2]
                top, left = row * SIDE, column * SIDE
                image[top : top + height, left : left + width] = picture
    return encode(image, "png")
