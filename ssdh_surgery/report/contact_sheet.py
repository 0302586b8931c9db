"""Contact sheets: thumbnails of images in rows on one PNG, each with a caption and a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.image import encode, opencv, resize
from ssdh_surgery.errors import UsageError
from ssdh_surgery.location import Location

Thumbnail = NDArray[np.uint8]
Verdict = Literal["right", "wrong"]

# The side of an image with its frame, the height of a line of the caption, and the space between
# two cells, in pixels.
SIDE = 120
LINE = 15
GAP = 8
_FRAME = 4
_FONT_SCALE = 0.4
_ELLIPSIS = "..."
# Blue, green, red.
_TEXT = (40, 40, 40)
_COLORS: dict[Verdict | None, tuple[int, int, int]] = {
    "right": (70, 160, 60),
    "wrong": (50, 50, 210),
    None: (225, 225, 225),
}
_MISSING_COLOR = 240


@dataclass(frozen=True, eq=False)
class Cell:
    """One image of a sheet.

    Args:
        image: the thumbnail; None leaves an empty place.
        caption: lines of text below it.
        verdict: frames it green or red; None frames it grey.
        place: what an empty place says.
    """

    image: Thumbnail | None
    caption: Sequence[str] = ()
    verdict: Verdict | None = None
    place: str = "missing"


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
    scale = (SIDE - 2 * _FRAME) / max(height, width)
    return resize(image, (max(1, round(width * scale)), max(1, round(height * scale))))


def sheet(rows: Sequence[Sequence[Cell]]) -> bytes:
    """A PNG with rows of cells; every row is as high as the longest caption needs.

    Raises:
        MissingExtra: OpenCV is not installed.
    """
    lines = max((len(cell.caption) for row in rows for cell in row), default=0)
    width, height = SIDE + GAP, SIDE + LINE * lines + GAP
    columns = max(map(len, rows))
    canvas = np.full((len(rows) * height + GAP, columns * width + GAP, 3), 255, np.uint8)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            top, left = GAP + row * height, GAP + column * width
            _draw(canvas[top : top + height - GAP, left : left + SIDE], cell)
    return encode(canvas, "png")


def _draw(canvas: NDArray[np.uint8], cell: Cell) -> None:
    """Draw a cell on its part of a canvas."""
    inside = slice(_FRAME, SIDE - _FRAME)
    canvas[:SIDE] = _COLORS[cell.verdict]
    canvas[inside, inside] = 255 if cell.image is not None else _MISSING_COLOR
    if cell.image is not None:
        height, width = cell.image.shape[:2]
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
        canvas[top : top + height, left : left + width] = cell.image
    else:
        _write(canvas, cell.place, SIDE // 2)
    for number, text in enumerate(cell.caption, 1):
        _write(canvas, text, SIDE + number * LINE - _FRAME)


def _write(canvas: NDArray[np.uint8], text: str, baseline: int) -> None:
    """Write a line of text in the middle of a cell; what does not fit is cut."""
    cv2 = opencv()
    font = cv2.FONT_HERSHEY_SIMPLEX

    def width(some: str) -> int:
        return int(cv2.getTextSize(some, font, _FONT_SCALE, 1)[0][0])

    if width(text) > SIDE:
        while text and width(text + _ELLIPSIS) > SIDE:
            text = text[:-1]
        text += _ELLIPSIS
    # OpenCV needs an array of its own to write on.
    copy = np.ascontiguousarray(canvas)
    place = (SIDE - width(text)) // 2, baseline
    cv2.putText(copy, text, place, font, _FONT_SCALE, _TEXT, 1, cv2.LINE_AA)
    canvas[...] = copy
