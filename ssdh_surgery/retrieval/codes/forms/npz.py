"""Arrays in an `.npz`, read and checked or mapped; codes, and an index, are kept in one."""

from __future__ import annotations

import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery import mapped_files
from ssdh_surgery.errors import DataError, file_errors
from ssdh_surgery.location import Location
from ssdh_surgery.retrieval.codes.forms import MADE_BY, NEEDED, OPTIONAL
from ssdh_surgery.staging.staged_file import new_file

_ZIP = b"PK\x03\x04"
# Smaller arrays are always read, and every byte is checked.
_LARGE = 1 << 20
# The header before a member of a zip file; only the last two numbers matter here.
_LOCAL_HEADER = struct.Struct("<26xHH")
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# RuntimeError: a member that is marked as encrypted, or compressed in an unknown way.
_DAMAGE = (
    *(ValueError, OSError, EOFError, MemoryError, RuntimeError, KeyError),
    *(struct.error, zlib.error, zipfile.BadZipFile),
    # NumPy parses the headers of arrays as Python.
    *(SyntaxError, tokenize.TokenError),
)


def read_arrays(
    path: Path | str,
    needed: Iterable[str],
    optional: Iterable[str] | None,
    what: str,
    hint: str,
    *,
    mapped: bool = False,
) -> dict[str, NDArray[Any]]:
    """The arrays of a file, and those of `optional` that it has.

    Args:
        path: the file.
        needed: names of arrays.
        optional: names of arrays that may be missing; None takes all that the file has.
        what: the kind of file with its article, for messages.
        hint: how to make such a file.
        mapped: map large arrays from the file: their bytes are read on demand, unchecked.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is not such a file, truncated or damaged.
    """
    where = Location(str(path))
    with file_errors(path, "read"):
        file = open(path, "rb")  # noqa: SIM115 -- closed below, where other errors mean damage
    with file:
        if file.read(len(_ZIP)) != _ZIP:
            raise DataError(f"not {what}", location=where, hint=hint)
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as archive:
                missing = [name for name in needed if name not in archive]
                if not missing:
                    more = archive.files if optional is None else optional
                    names = dict.fromkeys([*needed, *(name for name in more if name in archive)])
                    maps = _mapped_arrays(file, archive) if mapped else {}
                    return {
                        name: maps[name] if name in maps else _array(archive, name)
                        for name in names
                    }
        except _DAMAGE as error:
            raise DataError(f"is truncated or damaged: {error}", location=where) from error
    raise DataError(f"not {what}: it has no '{missing[0]}'", location=where, hint=hint)


def _array(archive: Any, name: str) -> NDArray[Any]:
    value = archive[name]
    if not isinstance(value, np.ndarray):  # a member that does not begin as an array
        raise ValueError(f"'{name}' is no array")
    return value


def _mapped_arrays(file: IO[bytes], archive: Any) -> dict[str, NDArray[Any]]:
    """The large arrays of an archive, mapped from its file."""
    mapped_files.guard()
    maps: dict[str, NDArray[Any]] = {}
    for member in archive.zip.infolist():
        if member.compress_type != zipfile.ZIP_STORED or member.file_size < _LARGE:
            continue
        # The header ends in the lengths of a name and an extra field, which follow it.
        file.seek(member.header_offset)
        header = file.read(_LOCAL_HEADER.size)
        file.seek(sum(_LOCAL_HEADER.unpack(header)), os.SEEK_CUR)
        version = np.lib.format.read_magic(file)
        read_header = _HEADERS[version]
        shape, is_fortran, dtype = read_header(file)
        if not is_fortran and not dtype.hasobject:
            name = member.filename.removesuffix(".npy")
            maps[name] = np.asarray(np.memmap(file, dtype, "r", file.tell(), shape))
    return maps


def write_arrays(path: Path | str, parts: Mapping[str, Any], *, is_new: bool = False) -> None:
    """Write arrays to a file, whole or not at all; with `is_new`, one that must not exist.

    Raises:
        FileError: it cannot be written; an existing file is unchanged.
    """
    with new_file(path, is_new=is_new) as temporary:
        write(temporary, parts)


def require() -> None:
    """See `Form`: NumPy is always installed."""


def read(path: Path | str) -> dict[str, NDArray[Any]]:
    """See `Form`."""
    return read_arrays(path, NEEDED, OPTIONAL, "a file of codes", MADE_BY)


def write(path: Path, parts: Mapping[str, Any]) -> None:
    """See `Form`."""
    with open(path, "wb") as file:
        np.savez(file, **parts)
