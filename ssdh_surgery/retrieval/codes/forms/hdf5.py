"""Codes in HDF5: a dataset for each array, with checksums; names are UTF-8."""

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
from ssdh_surgery.retrieval.codes.forms.blocks import blocks
from ssdh_surgery.retrieval.codes.forms.npz import NEEDED, OPTIONAL


def require() -> None:
    """Find out whether h5py is there.

    Raises:
        MissingExtra: it is not installed.
    """
    hdf5.library()


# The library's own tables are a small share of a file, and some of any.
_TABLES, _LEAST = 1.1, 1 << 17
# A text lies in a heap: its length, and where it is, stand beside it.
_BESIDE_TEXT = 48


def read(path: Path | str) -> dict[str, NDArray[Any]]:
    """See `Form`."""
    with hdf5.open_file(path) as file:
        missing = [name for name in NEEDED if name not in file]
        if missing:
            raise DataError(
                f"not a file of codes: it has no '{missing[0]}'",
                location=Location(str(path)),
                hint="'ssdh encode' writes such files",
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
    with h5py.File(path, "w") as file:
        for name, array in parts.items():
            kind = text if array.dtype.kind == "U" else array.dtype
            if not array.ndim:
                file.create_dataset(name, data=_stored(array)[()], dtype=kind)
                continue
            # Text of any length lies outside the dataset, where no checksum reaches.
            filters = {"fletcher32": True} if array.size and kind is not text else {}
            dataset = file.create_dataset(name, array.shape, kind, **filters)
            for rows in blocks(array):
                dataset[rows] = _stored(array[rows])


def _refuse_full(folder: Path, parts: Mapping[str, NDArray[Any]]) -> None:
    """Refuse to begin where there is no room: on a disk that fills up the library crashes.

    Raises:
        OSError: there is not enough.
    """
    needed = _LEAST + _TABLES * sum(map(_bytes, parts.values()))
    disk = os.statvfs(folder)
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _bytes(array: NDArray[Any]) -> int:
    if array.dtype.kind != "U":
        return array.nbytes
    return sum(_BESIDE_TEXT + len(name_bytes(str(each))) for each in array.reshape(-1))


def _stored(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind != "U":
        return array
    flat = [name_bytes(str(each)) for each in array.reshape(-1)]
    return np.array(flat, dtype=object).reshape(array.shape)
