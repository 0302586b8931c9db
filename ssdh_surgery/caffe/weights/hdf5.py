"""HDF5 files in the form that Caffe's HDF5 functions read and write."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ssdh_surgery import errors, files
from ssdh_surgery.caffe.weights.hdf5_probe import probe
from ssdh_surgery.errors import DataError, did_you_mean, of_extra
from ssdh_surgery.location import Location

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAGIC = b"\x89HDF\r\n\x1a\n"


def library() -> Any:
    """The module h5py.

    Raises:
        MissingExtra: it is not installed.
    """
    with of_extra("codes", "reading and writing HDF5 files"):
        return importlib.import_module("h5py")


@contextlib.contextmanager
def open_file(path: Path | str) -> Iterator[Any]:
    """An HDF5 file, open for reading.

    Raises:
        FileError: it cannot be read.
        DataError: it is not HDF5, or it is damaged.
        MissingExtra: h5py is not installed.
    """
    h5py = library()
    with errors.file_errors(path, "read"), open(path, "rb") as raw:
        is_hdf5 = raw.read(len(MAGIC)) == MAGIC
    where = Location(str(path))
    if not is_hdf5:
        raise DataError("is not an HDF5 file", location=where)
    probe(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error.args[0] if error.args else error).split())
        raise DataError(f"is truncated or damaged: {reason}", location=where) from error


class LastingFile(io.FileIO):
    """A file whose failed writes are reported when it is closed: libhdf5 crashes at them.

    `error` is the first failure.
    """

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of the data, or note the failure."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while self.error is None and rest:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the size, or note the failure."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0

    def readinto(self, buffer: Any) -> int:
        """Read what was written; zeros stand for what could not be."""
        view = memoryview(buffer).cast("B")
        count = super().readinto(view) or 0
        view[count:] = bytes(len(view) - count)
        return len(view)


@contextlib.contextmanager
def write_to(path: Path) -> Iterator[Any]:
    """A new HDF5 file that is written to `path` piece by piece.

    Raises:
        OSError: it cannot be written.
        MissingExtra: h5py is not installed.
    """
    with LastingFile(path, "w+") as raw:
        with library().File(raw, "w") as file:
            yield file
        if raw.error is not None:
            raise raw.error


@contextlib.contextmanager
def new_file(path: Path | str) -> Iterator[Any]:
    """A new HDF5 file, which is written to its path if the block succeeds.

    Raises:
        FileError: it cannot be written.
        MissingExtra: h5py is not installed.
    """
    memory = io.BytesIO()
    with in_memory(memory) as file:
        yield file
    files.write_bytes(path, memory.getvalue())


@contextlib.contextmanager
def in_memory(memory: io.BytesIO) -> Iterator[Any]:
    """A new HDF5 file, whose bytes are in memory once it is closed.

    Raises:
        MissingExtra: h5py is not installed.
    """
    with library().File(memory, "w") as file:
        yield file


def dataset(group: Any, name: str, path: Path | str) -> Any:
    """A dataset of numbers, not yet read; it has a `shape`.

    Raises:
        DataError: it is missing, or it holds no numbers.
    """
    where = Location(str(path))
    data = group.get(name)
    if data is None or not hasattr(data, "dtype"):
        raise DataError(
            f"has no dataset '{name}' in '{group.name}'",
            location=where,
            hint=did_you_mean(name, group),
        )
    if data.dtype.kind not in "fiu":
        raise DataError(f"the dataset '{data.name}' does not hold numbers", location=where)
    return data


def floats(group: Any, name: str, path: Path | str) -> NDArray[np.float32]:
    """A dataset of numbers as float32.

    Raises:
        DataError: it is missing, or it holds no numbers.
    """
    import numpy as np

    # h5py returns no array for a scalar.
    return np.asarray(dataset(group, name, path)[()], np.float32)


def number(file: Any, name: str) -> int:
    """An integer as H5LTmake_dataset_int stores it: an array of one value."""
    return int(file[name][()].reshape(-1)[0])


def put_number(file: Any, name: str, value: int) -> None:
    """Store an integer as H5LTmake_dataset_int does."""
    file.create_dataset(name, shape=(1,), dtype="<i4", data=value)


def string(file: Any, name: str) -> str:
    """A string as H5LTmake_dataset_string stores it; empty if it is missing."""
    if name not in file:
        return ""
    value = file[name][()]
    data: bytes = value if isinstance(value, bytes) else str(value).encode()
    return data.split(b"\0")[0].decode("utf-8", "surrogateescape")


def put_string(file: Any, name: str, value: str) -> None:
    """Store a string as H5LTmake_dataset_string does: a scalar that ends with a zero byte."""
    import numpy as np

    h5py = library()
    data = value.encode("utf-8", "surrogateescape") + b"\0"
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(len(data))
    kind.set_strpad(h5py.h5t.STR_NULLTERM)
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    dataset = h5py.h5d.create(file.id, name.encode(), kind, space)
    dataset.write(space, space, np.array(data, f"S{len(data)}"), mtype=kind)
