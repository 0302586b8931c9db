"""Mean files: Caffe's BlobProto with one value per pixel, read, written and computed."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import read_regular
from ssdh_surgery.location import Location
from ssdh_surgery.names import size_text

_NUMPY = b"\x93NUMPY"
_MATLAB = b"MATLAB "
_FORM = "a mean file is a BlobProto, as compute_image_mean writes it"


@dataclass(frozen=True, eq=False)
class ImageMean:
    """The mean of `records` images: `values` is float32 [C, H, W]."""

    values: NDArray[np.float32]
    records: int

    @property
    def channels(self) -> tuple[float, ...]:
        """The mean of each channel, for `mean_value`."""
        return tuple(self.values.mean(axis=(1, 2), dtype=np.float64).tolist())


def read_mean(path: Path | str) -> NDArray[np.float32]:
    """The mean image in a file, [C, H, W].

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is not a BlobProto, is truncated, or does not hold one image.
    """
    return parse_mean(read_regular(path), Location(str(path)))


def parse_mean(data: bytes, where: Location) -> NDArray[np.float32]:
    """The mean image in the bytes of a file.

    Raises:
        DataError: as in `read_mean`.
    """
    values, shape = parse_values(data, where)
    if len(shape) != 4 or min(shape) < 1:
        size = size_text(shape) or "no sizes"
        raise DataError(
            f"not a mean image: its shape is {size}, expected 1 x C x H x W",
            location=where,
            hint=_conversion(where)
            if len(shape) == 3
            else "save the array as a .npy file: 'ssdh data mean --convert' makes one of it",
        )
    # Of several images, Caffe subtracts the first.
    first: NDArray[np.float32] = shaped(values, shape, where)[0]
    return first


def parse_values(data: bytes, where: Location) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    """The values in a BlobProto, and its shape, whatever that is.

    Raises:
        DataError: it is not a BlobProto, is truncated, or has no values.
    """
    blob = _parse(data, where)
    values = np.array(blob.data if len(blob.data) else blob.double_data, np.float32)
    if not len(values):
        reason = _content(data) or "it holds no values"
        raise DataError(f"not a mean file: {reason}", location=where, hint=_hint(data, where))
    return values, _shape(blob)


def shaped(
    values: NDArray[np.float32], shape: tuple[int, ...], where: Location
) -> NDArray[np.float32]:
    """Values as an array of a shape.

    Raises:
        DataError: the shape is that of another number of values.
    """
    if len(values) != np.prod(shape, dtype=np.int64):
        size = size_text(shape)
        raise DataError(
            f"{len(values):,} values, but the shape requires {np.prod(shape):,} ({size})",
            location=where,
            hint="the file is truncated or was changed",
        )
    return values.reshape(shape)


def mean_bytes(mean: NDArray[np.float32]) -> bytes:
    """A mean image [C, H, W] as a BlobProto."""
    channels, height, width = mean.shape
    blob: Any = schema.message_class("BlobProto")(
        num=1, channels=channels, height=height, width=width
    )
    blob.data.extend(mean.astype(np.float32).ravel().tolist())
    data: bytes = blob.SerializeToString()
    return data


def image_mean(images: Iterable[NDArray[Any]]) -> ImageMean:
    """The mean of images [C, H, W], equal bit for bit to that of `compute_image_mean`.

    Like Caffe's tool, this sums in float32, in the order of the records. (From 65,794 images on,
    float32 sums are rounded, here as there.)

    Raises:
        DataError: there are no images, or they differ in size; the error names both sizes.
    """
    total: NDArray[np.float32] | None = None
    records = 0
    for image in images:
        if total is None:
            total = np.zeros(image.shape, np.float32)
        elif image.shape != total.shape:
            sizes = [size_text(shape) for shape in (image.shape, total.shape)]
            raise DataError(
                f"image {records + 1} is {sizes[0]} (channels x height x width), the first "
                f"{sizes[1]}: a mean needs one size",
                hint="resize the images when building the LMDB, or use mean values",
            )
        total += image
        records += 1
    if total is None:
        raise DataError("there are no images to take the mean of")
    return ImageMean(total / np.float32(records), records)


def _parse(data: bytes, where: Location) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return schema.message_class("BlobProto").FromString(data)
    except DecodeError as error:
        reason = _content(data) or "truncated, or of another kind"
        hint = _hint(data, where)
        raise DataError(f"not a mean file: {reason}", location=where, hint=hint) from error


def _hint(data: bytes, where: Location) -> str:
    """What a mean file is; for an array, the command that makes one of it."""
    if data.startswith(_MATLAB):
        return f"{_FORM}; save the array as a .npy file: 'ssdh data mean --convert' makes one of it"
    if not data.startswith(_NUMPY):
        return _FORM
    return _conversion(where)


def _conversion(where: Location) -> str:
    """The command that makes a mean file of an array."""
    path = Path(where.file)
    out = path.with_suffix(".binaryproto")
    if out == path:  # an array whose name is that of a mean file
        out = path.with_name(f"{path.stem}_caffe.binaryproto")
    return f"ssdh data mean --convert {shlex.join([str(path), str(out)])}"


def _content(data: bytes) -> str | None:
    if not data:
        return "it is empty"
    if data.startswith(_MATLAB):
        return "it is a MATLAB file"
    if data.startswith(_NUMPY):
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
