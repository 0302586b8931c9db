"""Codes in HDF5: a dataset for each array, with checksums; ids are UTF-8."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes, name_text
from ssdh_surgery.retrieval.codes.forms import MADE_BY, NEEDED, OPTIONAL, blocks


def require() -> None:
    """Check that h5py can be imported.

    Raises:
        MissingExtra: it is not installed.
    """
    hdf5.library()


# The overhead of HDF5: a factor on the data, and a constant number of bytes.
_FACTOR, _CONSTANT = 1.1, 1 << 17
# A string lives in a heap, with its length and address next to it.
_STRING_OVERHEAD = 48


def read(path: Path | str) -> dict[str, NDArray[Any]]:
    """See `Form`."""
    with hdf5.open_file(path) as file:
        missing = [name for name in NEEDED if name not in file]
        if missing:
            raise DataError(
                f"not a file of codes: it has no '{missing[0]}'",
                location=Location(str(path)),
                hint=MADE_BY,
            )
        return {name: _array(file[name]) for name in (*NEEDED, *OPTIONAL) if name in file}


def _array(dataset: Any) -> NDArray[Any]:
    value = dataset[()]
    if isinstance(value, bytes):
        return np.array(name_text(value))
    array = np.asarray(value)
    if array.dtype.kind == "O":
        return np.array([name_text(bytes(each)) for each in array], dtype=str)
    return array


def write(path: Path, parts: Mapping[str, NDArray[Any]]) -> None:
    """See `Form`."""
    h5py = hdf5.library()
    text = h5py.string_dtype("utf-8")
    _refuse_full(path.parent, parts)
    with hdf5.write_to(path) as file:
        for name, array in parts.items():
            kind = text if array.dtype.kind == "U" else array.dtype
            if not array.ndim:
                file.create_dataset(name, data=_stored(array)[()], dtype=kind)
                continue
            # Strings of variable length live outside the dataset, where no checksum covers them.
            filters = {"fletcher32": True} if array.size and kind is not text else {}
            dataset = file.create_dataset(name, array.shape, kind, **filters)
            for rows in blocks(array):
                dataset[rows] = _stored(array[rows])


def _refuse_full(folder: Path, parts: Mapping[str, NDArray[Any]]) -> None:
    """Refuse to start without enough room.

    Raises:
        OSError: the disk is too full.
    """
    needed = _CONSTANT + _FACTOR * sum(map(_bytes, parts.values()))
    disk = os.statvfs(folder)
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _bytes(array: NDArray[Any]) -> int:
    if array.dtype.kind != "U":
        return array.nbytes
    return sum(_STRING_OVERHEAD + len(name_bytes(str(each))) for each in array.reshape(-1))


def _stored(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind != "U":
        return array
    flat = [name_bytes(str(each)) for each in array.reshape(-1)]
    return np.array(flat, dtype=object).reshape(array.shape)
