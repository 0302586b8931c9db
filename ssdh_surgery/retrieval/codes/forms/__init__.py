"""The kinds of files that codes are kept in: the same arrays under the same names in each.

A kind is chosen by a file's name when it is written and by its first bytes when it is read.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from ssdh_surgery.errors import UsageError, file_errors

Parts = Mapping[str, NDArray[Any]]


class Form(Protocol):
    """How one kind of file is read and written."""

    def require(self) -> None:
        """Find out whether such files can be read and written.

        Raises:
            MissingExtra: what does it is not installed.
        """
        ...

    def read(self, path: Path | str) -> dict[str, NDArray[Any]]:
        """The arrays of a file.

        Raises:
            DataError: it is no such file, cut short or damaged.
        """
        ...

    def write(self, path: Path, parts: Parts) -> None:
        """Write arrays [N, ...] in blocks, so that those on the disk need not be in memory."""
        ...


@dataclass(frozen=True)
class _Kind:
    magic: bytes
    suffixes: tuple[str, ...]
    module: str


_KINDS = (
    _Kind(b"PK\x03\x04", (".npz",), "npz"),
    _Kind(b"\x89HDF\r\n\x1a\n", (".h5", ".hdf5"), "hdf5"),
    _Kind(b"PAR1", (".parquet",), "parquet"),
)


def form_of_name(path: Path | str) -> Form:
    """The form that a file's name asks for; `.npz` where it has none of the known endings.

    Raises:
        UsageError: the name ends as those of another kind of file do.
    """
    suffix = os.path.splitext(path)[1].lower()
    for kind in _KINDS:
        if suffix in kind.suffixes:
            return _module(kind)
    if suffix in ("", ".codes"):
        return _module(_KINDS[0])
    known = ", ".join(each for kind in _KINDS for each in kind.suffixes)
    raise UsageError(f"codes are not kept in files that end in '{suffix}'", hint=f"one of {known}")


def form_of_content(path: Path | str) -> Form | None:
    """The form of a file that is there, None for a file of another kind.

    Raises:
        FileError: it is missing or cannot be read.
    """
    with file_errors(path, "read"), open(path, "rb") as file:
        start = file.read(max(len(kind.magic) for kind in _KINDS))
    return next((_module(kind) for kind in _KINDS if start.startswith(kind.magic)), None)


def _module(kind: _Kind) -> Form:
    return cast(Form, importlib.import_module(f"{__name__}.{kind.module}"))
