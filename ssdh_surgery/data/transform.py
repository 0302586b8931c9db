"""Caffe's DataTransformer: from the pixels of a record to the input of a net.

Crop (random in TRAIN, centred in TEST), mirror, mean and scale, in Caffe's order and arithmetic:
float32, (pixel - mean) * scale. Random numbers are drawn separately, so that records can be
transformed in threads with the result of a sequential run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.datum import Datum, Shape
from ssdh_surgery.data.mean import read_mean
from ssdh_surgery.data.transform_rules import conflicts, misfits
from ssdh_surgery.errors import DataError, SchemaError
from ssdh_surgery.location import Location

Pixels = NDArray[np.uint8] | NDArray[np.float32]
Phase = Literal["TRAIN", "TEST"]


class Random(Protocol):
    """The part of `numpy.random.Generator` that is used."""

    def integers(self, low: int, /) -> Any:
        """A random integer from 0 to `low - 1`."""


class Chance(NamedTuple):
    """Three random 32-bit numbers: for mirroring, and for the row and column of the crop."""

    mirror: int
    row: int
    column: int


_NO_CHANCE = Chance(0, 0, 0)


class DataTransformer:
    """The effect of a `transform_param` in a phase.

    `param` is a TransformationParameter; its `mean_file` is relative to `folder`, which stands
    for caffe's working directory, and `mean` is its image if that has been read. `random` is
    needed for a crop in TRAIN and for `mirror`, which Caffe applies in TEST, too.

    Raises:
        SchemaError: the fields exclude each other.
        FileError, DataError: the mean file is missing or malformed.
    """

    def __init__(
        self,
        param: Any,
        phase: Phase,
        *,
        random: Random | None = None,
        folder: Path | str = ".",
        mean: NDArray[np.float32] | None = None,
    ) -> None:
        for refusal in conflicts(param):
            raise SchemaError(refusal.message)
        self._param = param
        self.crop: int = param.crop_size
        self.color: bool | None = _color_of(param)
        self._scale = np.float32(param.scale)
        self._mirror: bool = param.mirror
        self._random_crop = phase == "TRAIN" and bool(self.crop)
        self._random = random
        self._mean_values = np.array(param.mean_value, np.float32)
        self._mean = mean
        if mean is None and param.HasField("mean_file"):
            self._mean = read_mean(Path(folder) / param.mean_file)

    def shape(self, shape: Shape) -> Shape:
        """The shape [C, H, W] of a transformed record.

        Raises:
            DataError: the crop is too large, or the mean does not fit; both sizes are named.
        """
        mean_shape = None if self._mean is None else self._mean.shape
        for refusal in misfits(self._param, mean_shape, shape):
            is_of_mean = refusal.field == "mean_file"
            raise DataError(
                refusal.message,
                location=Location(self._param.mean_file) if is_of_mean else None,
                hint=refusal.hint,
            )
        return (shape[0], self.crop, self.crop) if self.crop else shape

    def draw(self) -> Chance:
        """The random numbers for one record, independent of its size."""
        if not (self._mirror or self._random_crop):
            return _NO_CHANCE
        if self._random is None:
            raise ValueError("a random generator is needed here")
        return Chance(*(int(self._random.integers(1 << 32)) for _ in Chance._fields))

    def datum(self, datum: Datum, chance: Chance | None = None) -> NDArray[np.float32]:
        """The transformed record, decoded first if it is encoded.

        Raises:
            DataError: as in `__call__`, or the record's content is damaged.
            MissingExtra: it is encoded and OpenCV is not installed.
        """
        return self(datum.pixels(color=self.color), chance)

    def __call__(
        self,
        pixels: Pixels,
        chance: Chance | None = None,
        *,
        out: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Transform pixels [C, H, W] to float32 [C, h, w], written to `out` if given.

        Raises:
            DataError: the crop is too large, or the mean does not fit; both sizes are named.
        """
        channels, height, width = pixels.shape
        shape = self.shape((channels, height, width))
        chance = self.draw() if chance is None else chance
        rows, columns = self._window(height, width, chance)
        result = np.empty(shape, np.float32) if out is None else out
        target = result[:, :, ::-1] if self._mirror and chance.mirror % 2 else result
        window = pixels[:, rows, columns]
        if self._mean is not None:
            np.subtract(window, self._mean[:, rows, columns], out=target, dtype=np.float32)
        elif len(self._mean_values):
            np.subtract(window, self._mean_values[:, None, None], out=target, dtype=np.float32)
        else:
            target[...] = window
        if self._scale != 1:
            result *= self._scale
        return result

    def _window(self, height: int, width: int, chance: Chance) -> tuple[slice, slice]:
        if not self.crop:
            return slice(None), slice(None)
        free = height - self.crop, width - self.crop
        if self._random_crop:
            row, column = chance.row % (free[0] + 1), chance.column % (free[1] + 1)
        else:
            row, column = free[0] // 2, free[1] // 2
        return slice(row, row + self.crop), slice(column, column + self.crop)


def _color_of(param: Any) -> bool | None:
    if param.force_color or param.force_gray:
        return bool(param.force_color)
    return None


def ten_crops(image: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Ten crops [10, C, size, size] of an image [C, H, W]: four corners, the centre, mirrors.

    The centre is the crop of Caffe's TEST phase. `size` is at most the height and width.
    """
    height, width = image.shape[1] - size, image.shape[2] - size
    corners = [(0, 0), (0, width), (height, 0), (height, width), (height // 2, width // 2)]
    windows = [image[:, y : y + size, x : x + size] for y, x in corners]
    return np.stack([*windows, *(each[:, :, ::-1] for each in windows)])
