"""The file formats of codes: the same arrays under the same names in each.

A format is chosen by a file's name when it is written and by its first bytes when it is read.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from numpy.typing import NDArray

from ssdh_surgery.errors import UsageError, file_errors

Parts = Mapping[str, NDArray[Any]]
NEEDED = ("codes", "bits", "ids", "labels", "recipe")
OPTIONAL = ("activations", "content", "left_out")
MADE_BY = "'ssdh encode' writes such files"
_BLOCK_BYTES = 8 << 20


class Form(Protocol):
    """How one file format is read and written."""

    def require(self) -> None:
        """Check that such files can be read and written.

        Raises:
            MissingExtra: the library for it is not installed.
        """
        ...

    def read(self, path: Path | str) -> dict[str, NDArray[Any]]:
        """The arrays of a file: all of `NEEDED`, and those of `OPTIONAL` that it has.

        Raises:
            DataError: it is not such a file, truncated or damaged.
        """
        ...

    def write(self, path: Path, parts: Parts) -> None:
        """Write arrays [N, ...] in blocks, so that arrays on the disk need not fit in memory."""
        ...


@dataclass(frozen=True)
class _Format:
    magic: bytes
    suffixes: tuple[str, ...]
    module: str


_FORMATS = (
    _Format(b"PK\x03\x04", (".npz",), "npz"),
    _Format(b"\x89HDF\r\n\x1a\n", (".h5", ".hdf5"), "hdf5"),
    _Format(b"PAR1", (".parquet",), "parquet"),
)


def form_of_name(path: Path | str) -> Form:
    """The format that a file's name asks for; `.npz` where it has no suffix.

    Raises:
        UsageError: the suffix is that of another kind of file.
    """
    suffix = os.path.splitext(path)[1].lower()
    for each in _FORMATS:
        if suffix in each.suffixes:
            return _module(each)
    if not suffix:
        return _module(_FORMATS[0])
    suffixes = ", ".join(suffix for each in _FORMATS for suffix in each.suffixes)
    raise UsageError(f"codes cannot be written to a '{suffix}' file", hint=f"one of {suffixes}")


def form_of_content(path: Path | str) -> Form | None:
    """The format of an existing file; None if it is not a file of codes.

    Raises:
        FileError: it is missing or cannot be read.
    """
    with file_errors(path, "read"), open(path, "rb") as file:
        start = file.read(max(len(each.magic) for each in _FORMATS))
    return next((_module(each) for each in _FORMATS if start.startswith(each.magic)), None)


def _module(form: _Format) -> Form:
    return cast(Form, importlib.import_module(f"{__name__}.{form.module}"))


def blocks(*arrays: NDArray[Any]) -> Iterator[slice]:
    """The rows of arrays of one length, in runs that together take a few megabytes."""
    width = sum(each.nbytes // max(1, len(each)) for each in arrays)
    rows = max(1, _BLOCK_BYTES // max(1, width))
    for start in range(0, len(arrays[0]), rows):
        yield slice(start, start + rows)
