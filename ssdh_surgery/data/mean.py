"""Mean files: Caffe's BlobProto with one value per pixel, read, written and computed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import read_bytes, write_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import size_text

_FORM = "a mean file is a BlobProto, as compute_image_mean writes it"


@dataclass(frozen=True, eq=False)
class ImageMean:
    """The mean of some pictures: `values` is float32 [C, H, W], of `records` pictures."""

    values: NDArray[np.float32]
    records: int

    @property
    def channels(self) -> tuple[float, ...]:
        """The mean of each channel, for `mean_value`."""
        return tuple(self.values.mean(axis=(1, 2), dtype=np.float64).tolist())


def read_mean(path: Path | str) -> NDArray[np.float32]:
    """The mean picture in a file, [C, H, W].

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is not a BlobProto, cut short, or not of one picture.
    """
    data = read_bytes(path)
    where = Location(str(path))
    blob = _parse(data, where)
    values = np.array(blob.data if len(blob.data) else blob.double_data, np.float32)
    shape = _shape(blob)
    if not len(values):
        reason = _looks(data) or "it holds no values"
        raise DataError(f"not a mean file: {reason}", location=where, hint=_FORM)
    if len(shape) != 4 or shape[0] != 1 or min(shape) < 1:
        size = size_text(shape) or "no sizes"
        raise DataError(
            f"not the mean of pictures: its sizes are {size}, expected 1 x C x H x W",
            location=where,
        )
    if len(values) != np.prod(shape, dtype=np.int64):
        size = size_text(shape)
        raise DataError(
            f"{len(values):,} values where the sizes say {np.prod(shape):,} ({size})",
            location=where,
            hint="the file was cut short, or changed",
        )
    return values.reshape(shape[1:])


def write_mean(path: Path | str, mean: NDArray[np.float32]) -> None:
    """Write a mean picture [C, H, W], byte for byte as `compute_image_mean` does.

    Raises:
        FileError: it cannot be written.
    """
    channels, height, width = mean.shape
    blob: Any = schema.message_class("BlobProto")(
        num=1, channels=channels, height=height, width=width
    )
    blob.data.extend(mean.astype(np.float32).ravel().tolist())
    write_bytes(path, blob.SerializeToString())


def image_mean(pictures: Iterable[NDArray[Any]]) -> ImageMean:
    """The mean of pictures [C, H, W], to the bit what `compute_image_mean` gives.

    It adds up in float32, in the order of the records; so does this. (From 65,794 pictures
    on, sums no longer fit: Caffe's tool rounds there, and so does this.)

    Raises:
        DataError: there is no picture, or they differ in size; both sizes are named.
    """
    total: NDArray[np.float32] | None = None
    records = 0
    for picture in pictures:
        if total is None:
            total = np.zeros(picture.shape, np.float32)
        elif picture.shape != total.shape:
            sizes = [size_text(shape) for shape in (picture.shape, total.shape)]
            raise DataError(
                f"picture {records + 1} is {sizes[0]} (channels x height x width), the first "
                f"{sizes[1]}: a mean needs one size",
                hint="resize them when the LMDB is made, or use mean values",
            )
        total += picture
        records += 1
    if total is None:
        raise DataError("a mean of no pictures")
    return ImageMean(total / np.float32(records), records)


def _parse(data: bytes, where: Location) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return schema.message_class("BlobProto").FromString(data)
    except DecodeError as error:
        reason = _looks(data) or "cut short, or of another kind"
        raise DataError(f"not a mean file: {reason}", location=where, hint=_FORM) from error


def _looks(data: bytes) -> str | None:
    if data.startswith(b"\x93NUMPY"):
        return "it is a numpy array"
    if data[:8] == b"\x89HDF\r\n\x1a\n":
        return "it is HDF5"
    start = data[:200]
    is_text = start.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in start)
    return "it is text" if is_text and start else None


def _shape(blob: Any) -> tuple[int, ...]:
    if blob.HasField("shape"):
        return tuple(blob.shape.dim)
    if any(blob.HasField(name) for name in ("num", "channels", "height", "width")):
        return blob.num, blob.channels, blob.height, blob.width
    return ()
