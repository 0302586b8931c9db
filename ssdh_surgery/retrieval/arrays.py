"""Several arrays in one `.npz`: read with a check of every byte, written whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError, Location
from ssdh_surgery.files import explained

_ZIP = b"PK\x03\x04"
_DAMAGE = (ValueError, OSError, EOFError, MemoryError, NotImplementedError, zlib.error)


def read_arrays(
    path: Path | str, needed: Iterable[str], optional: Iterable[str], what: str, hint: str
) -> dict[str, NDArray[Any]]:
    """The arrays of a file, `optional` ones where they are there.

    Args:
        path: the file.
        needed: names of arrays.
        optional: names of arrays that may be missing.
        what: what the file should be, with its article, for messages.
        hint: what makes such files.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is no such file, cut short, or damaged.
    """
    where = Location(str(path))
    with explained(path, "read"):
        file = open(path, "rb")  # noqa: SIM115 -- closed below, when its own errors are caught
    with file:
        if file.read(len(_ZIP)) != _ZIP:
            raise DataError(f"not {what}", location=where, hint=hint)
        file.seek(0)
        try:
            with np.load(file, allow_pickle=False) as archive:
                missing = [name for name in needed if name not in archive]
                if not missing:
                    names = [*needed, *(name for name in optional if name in archive)]
                    return {name: archive[name] for name in names}
        except (*_DAMAGE, zipfile.BadZipFile) as error:
            raise DataError(f"cut short or damaged: {error}", location=where) from error
    raise DataError(f"not {what}: it has no '{missing[0]}'", location=where, hint=hint)


def write_arrays(path: Path | str, parts: Mapping[str, Any]) -> None:
    """Write arrays to a hidden name beside the file's place, then rename it.

    Raises:
        FileError: it cannot be written; what was there is there still.
    """
    target = Path(os.path.realpath(path))
    with explained(path, "write"):
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
