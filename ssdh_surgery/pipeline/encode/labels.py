"""Labels in a file of their own, as users of Caffe keep them: vectors in an LMDB or HDF5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.caffe.weights import hdf5
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.record_store import record_error
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text

_DATASETS = ("label", "labels")


def read_labels(path: Path, count: int) -> NDArray[Any]:
    """The label of each of `count` items: int64 [count], or 0 and 1 for each class [count, C].

    A row of one value is a label; in a longer row, a value above 0 puts the item in a class.

    Raises:
        FileError: the file cannot be read.
        DataError: it has no labels, or not as many rows as there are items.
        MissingExtra: it is HDF5 and h5py is not installed.
    """
    rows = _of_lmdb(path) if path.is_dir() else _of_hdf5(path)
    where = Location(str(path))
    if len(rows) != count:
        raise DataError(
            f"labels of {count_text(len(rows), 'item')}, but {count_text(count, 'item')} to encode",
            location=where,
            hint="rows and items must be in the same order",
        )
    if not np.isfinite(rows).all() or (rows != np.round(rows)).any():
        raise DataError("labels must be integers", location=where)
    if rows.shape[1] == 1:
        return rows[:, 0].astype(np.int64)
    if rows.max() > 1 or rows.min() < -1:
        raise DataError(
            f"label vectors must be 0 or 1 for each class, not {rows.min():g} to {rows.max():g}",
            location=where,
        )
    vectors: NDArray[np.uint8] = (rows > 0).astype(np.uint8)
    return vectors


def _of_lmdb(path: Path) -> NDArray[np.float32]:
    rows: list[NDArray[np.float32]] = []
    with LmdbStore(path) as store:
        for key, datum in store.records():
            values = np.asarray(datum.pixels(), np.float32).reshape(-1)
            if rows and len(values) != len(rows[0]):
                error = DataError(f"{len(values)} labels, the first record has {len(rows[0])}")
                raise record_error(path, key, error)
            rows.append(values)
    return np.stack(rows)


def _of_hdf5(path: Path) -> NDArray[np.float32]:
    with hdf5.open_file(path) as file:
        name = next((name for name in _DATASETS if name in file), _DATASETS[0])
        values = hdf5.floats(file, name, path)
    if not values.ndim:
        raise DataError(f"the dataset '{name}' is a single number", location=Location(str(path)))
    return values.reshape(len(values), -1)
