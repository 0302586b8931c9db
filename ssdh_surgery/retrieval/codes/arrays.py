"""Several arrays in one `.npz`: read checked or mapped, written whole or not at all."""

from __future__ import annotations

import errno
import os
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError, file_errors
from ssdh_surgery.location import Location

_ZIP = b"PK\x03\x04"
# Smaller arrays are read, every byte checked.
_LARGE = 1 << 20
# What stands before a member of a zip file; only the last two numbers matter here.
_LOCAL_HEADER = struct.Struct("<26xHH")
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_DAMAGE = (
    *(ValueError, OSError, EOFError, MemoryError, NotImplementedError, KeyError),
    *(struct.error, zlib.error, zipfile.BadZipFile),
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
    """The arrays of a file, `optional` ones where they are there.

    Args:
        path: the file.
        needed: names of arrays.
        optional: names of arrays that may be missing; None is whatever else is there.
        what: what the file should be, with its article, for messages.
        hint: what makes such files.
        mapped: large arrays are mapped from the file: their bytes are read when they are
            needed, and not checked.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is no such file, cut short, or damaged.
    """
    where = Location(str(path))
    with file_errors(path, "read"):
        file = open(path, "rb")  # noqa: SIM115 -- closed below, when its own errors are caught
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
                    return {name: maps[name] if name in maps else archive[name] for name in names}
        except _DAMAGE as error:
            raise DataError(f"cut short or damaged: {error}", location=where) from error
    raise DataError(f"not {what}: it has no '{missing[0]}'", location=where, hint=hint)


def _mapped_arrays(file: IO[bytes], archive: Any) -> dict[str, NDArray[Any]]:
    """The large arrays of an archive, mapped from its file."""
    found: dict[str, NDArray[Any]] = {}
    for member in archive.zip.infolist():
        if member.compress_type != zipfile.ZIP_STORED or member.file_size < _LARGE:
            continue
        # The lengths of a name and of an extra field, then both, stand before the bytes.
        file.seek(member.header_offset)
        header = file.read(_LOCAL_HEADER.size)
        file.seek(sum(_LOCAL_HEADER.unpack(header)), os.SEEK_CUR)
        version = np.lib.format.read_magic(file)
        read_header = _HEADERS[version]
        shape, is_fortran, dtype = read_header(file)
        if not is_fortran and not dtype.hasobject:
            name = member.filename.removesuffix(".npy")
            found[name] = np.asarray(np.memmap(file, dtype, "r", file.tell(), shape))
    return found


def write_arrays(path: Path | str, parts: Mapping[str, Any]) -> None:
    """Write arrays to a hidden name beside the file's place, then rename it.

    Raises:
        FileError: it cannot be written; what was there is there still.
    """
    target = Path(os.path.realpath(path))
    with file_errors(path, "write"):
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        handle, temporary = tempfile.mkstemp(prefix=".ssdh-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, **parts)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, target.stat().st_mode & 0o777 if target.exists() else 0o644)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
