"""Means in any form: Caffe's binaryproto, an array of NumPy, or values for the channels.

A mean is float32, [C, H, W], or [C] for one value per channel. The order of the channels is that
of the file: it is never changed, since no form says which it is.
"""

from __future__ import annotations

import io
import json
import math
import os
import shlex
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery import files
from ssdh_surgery.data.mean import mean_bytes, parse_mean, parse_values, shaped
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.names import size_text

Mean = NDArray[np.float32]

_NPY, _NPZ = b"\x93NUMPY", b"PK\x03\x04"
_MATLAB, _MATLAB_HDF5 = b"MATLAB ", b"MATLAB 7.3"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_DAMAGE = (
    *(ValueError, SyntaxError, TypeError, KeyError, EOFError, MemoryError, RecursionError),
    *(RuntimeError, OSError, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
# The array of an .npz that has several.
_NAME = "mean"
# No blob of Caffe's has more values.
_MOST_BYTES = 8 << 31
# More channels than an image has.
_MANY = 4


def read_mean_file(path: Path | str) -> Mean:
    """The mean in a file, whose form is detected from its content.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it holds no mean, or is truncated or damaged.
    """
    data, where = files.read_regular(path), Location(str(path))
    if data.startswith(_NPY):
        return _checked(_array(data, where), where)
    if data.startswith(_NPZ):
        return _checked(_array(_member(data, where), where), where)
    if data.startswith(_MATLAB):
        raise DataError(
            "a mean of MATLAB, which is not read",
            location=where,
            hint="save it as an array of NumPy first: python -c "
            + shlex.quote(_of_matlab(path, is_hdf5=data.startswith(_MATLAB_HDF5))),
        )
    values, shape = parse_values(data, where)
    if len(shape) in (1, 3) and min(shape) > 0:  # which Caffe does not take
        return _checked(shaped(values, shape, where), where)
    return parse_mean(data, where)


def _of_matlab(path: Path | str, *, is_hdf5: bool) -> str:
    """Python that saves a mean of MATLAB, where Caffe's images are W x H x C, as C x H x W."""
    name, out = json.dumps(str(path)), json.dumps(Path(path).with_suffix(".npy").name)
    if is_hdf5:  # which has the axes in the other order
        return f"import h5py, numpy; [m] = h5py.File({name}).values(); numpy.save({out}, m[()])"
    return (
        "import numpy, scipy.io; "
        f'[m] = [v for k, v in scipy.io.loadmat({name}).items() if k[0] != "_"]; '
        f"numpy.save({out}, m.transpose(2, 1, 0))"
    )


def mean_of_values(text: str) -> Mean | None:
    """The mean that a text such as `104,117,123` gives; None if it is no list of numbers.

    >>> mean_of_values("104,117,123").tolist(), mean_of_values("mean.npy")
    ([104.0, 117.0, 123.0], None)
    """
    try:
        values = np.array([float(each) for each in text.split(",")], np.float32)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def sized(values: Mean, size: tuple[int, int]) -> Mean:
    """Values [C] as an image [C, H, W] of a (width, height)."""
    width, height = size
    return np.tile(values[:, None, None], (1, height, width))


def channel_means(mean: Mean) -> tuple[float, ...]:
    """The mean of each channel."""
    flat = mean.reshape(len(mean), -1)
    return tuple(flat.mean(axis=1, dtype=np.float64).tolist())


def mean_digest(path: Path | str, mean: Mean) -> str:
    """The SHA-256 of a file with a mean image, in hex; of an array, that of Caffe's file of it.

    An image that was converted to or from Caffe's form has one digest.

    Raises:
        FileError: it is missing or cannot be read.
    """
    data = files.read_regular(path)
    return files.digest(mean_bytes(mean) if data.startswith((_NPY, _NPZ)) else data)


def write_mean_file(path: Path | str, mean: Mean) -> None:
    """Write a mean: as an array of NumPy where the name ends in `.npy`, else as Caffe does.

    Raises:
        FileError: it cannot be written.
        DataError: Caffe's form is for an image, and there are only values.
    """
    if os.path.splitext(path)[1].lower() == ".npy":
        memory = io.BytesIO()
        np.save(memory, mean)
        files.write_bytes(path, memory.getvalue())
        return
    if mean.ndim != 3:
        raise DataError(
            f"a mean file holds an image, and {','.join(f'{each:g}' for each in mean)} are values",
            location=Location(str(path)),
            hint="--resize WxH, the size of the records, makes an image of them; or write them "
            "into the net: mean_value",
        )
    files.write_bytes(path, mean_bytes(mean))


def _member(data: bytes, where: Location) -> bytes:
    """The bytes of the array in an .npz: the only one, or the one called `mean`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {each.filename.removesuffix(".npy"): each for each in archive.infolist()}
            member = members.get(_NAME) or next(iter(members.values()), None)
            if member is not None and (len(members) == 1 or _NAME in members):
                if member.file_size > _MOST_BYTES:
                    raise DataError("holds no mean: its array is too large", location=where)
                return archive.read(member)
    except _DAMAGE as error:
        raise _damaged(error, where) from error
    names = ", ".join(f"'{name}'" for name in list(members)[:5])
    raise DataError(
        f"which array is the mean? It has {names}" if members else "holds no array",
        location=where,
        hint=f"an .npz has one array, or one that is called '{_NAME}'",
    )


def _array(data: bytes, where: Location) -> NDArray[Any]:
    """The array of an .npy, whose bytes are counted before any memory is taken."""
    if not data.startswith(_NPY):
        raise DataError("holds no array of NumPy", location=where)
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        shape, is_fortran, dtype = _HEADERS[version](file)
        values, needed = len(data) - file.tell(), math.prod(shape) * dtype.itemsize
    except _DAMAGE as error:
        raise _damaged(error, where) from error
    if dtype.kind not in "fiu":
        raise DataError(f"holds no mean: its values are {dtype}, not numbers", location=where)
    if values != needed:
        raise DataError(
            f"is truncated or damaged: {values:,} bytes of values, but its shape "
            f"({size_text(shape)}) requires {needed:,}",
            location=where,
        )
    array = np.frombuffer(data, dtype, offset=file.tell())
    return array.reshape(shape, order="F" if is_fortran else "C")


def _checked(array: NDArray[Any], where: Location) -> Mean:
    """An array as a mean: [C], [C, H, W] or [1, C, H, W]."""
    shape = array.shape
    if array.ndim == 4 and shape[0] == 1:
        array = array[0]
    if array.ndim not in (1, 3) or not array.size:
        hint = "a gray mean is 1 x H x W" if array.ndim == 2 else None
        raise DataError(
            f"not a mean: its shape is {size_text(shape) or 'that of one number'}, expected "
            "C x H x W, or C for one value per channel",
            location=where,
            hint=hint,
        )
    if array.ndim == 3 and array.shape[0] > _MANY >= array.shape[2]:
        raise DataError(
            f"not a mean for Caffe: its shape is {size_text(shape)}, which looks like H x W x C; "
            "expected C x H x W",
            location=where,
            hint="numpy.save(file, mean.transpose(2, 0, 1)); Caffe's channels are B, G, R",
        )
    with np.errstate(over="ignore"):
        mean = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(mean).all():
        raise DataError("not a mean: it has NaN or infinite values", location=where)
    return mean


def _damaged(error: BaseException, where: Location) -> DataError:
    return DataError(f"is truncated or damaged: {error}", location=where)
