"""Contact sheets: thumbnails of images in rows on one PNG."""

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

# The side of a cell of the sheet and its margin, in pixels.
SIDE = 96
_MARGIN = 4


def refuse_sheet_kind(path: Path) -> None:
    """Refuse a sheet whose name does not end in `.png`.

    Raises:
        UsageError: it has another extension.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(
            f"the name of a sheet must end in .png, not in '{path.suffix}'",
            location=Location(str(path)),
        )


def thumbnail(pixels: NDArray[Any]) -> Thumbnail:
    """An image [C, H, W] as [h, w, 3], scaled to the size of a cell.

    One or two channels are shown in grey; floats are scaled from their minimum to their maximum.

    Raises:
        MissingExtra: OpenCV is not installed.
    """
    channels = pixels[:3] if len(pixels) >= 3 else np.repeat(pixels[:1], 3, axis=0)
    if channels.dtype != np.uint8:
        low, high = float(channels.min()), float(channels.max())
        channels = ((channels - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    image = np.ascontiguousarray(channels.transpose(1, 2, 0))
    height, width = image.shape[:2]
    scale = (SIDE - _MARGIN) / max(height, width)
    return resize(image, (max(1, round(width * scale)), max(1, round(height * scale))))


def sheet(rows: Sequence[Sequence[Thumbnail | None]]) -> bytes:
    """A PNG with rows of thumbnails; None leaves a cell empty.

    Raises:
        MissingExtra: OpenCV is not installed.
    """
    columns = max(map(len, rows))
    canvas = np.full((len(rows) * SIDE, columns * SIDE, 3), 255, np.uint8)
    for row, thumbnails in enumerate(rows):
        for column, image in enumerate(thumbnails):
            if image is not None:
                height, width = image.shape[:2]
                top, left = row * SIDE, column * SIDE
                canvas[top : top + height, left : left + width] = image
    return encode(canvas, "png")
