"""Where a build puts its files, and what may stand there already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ssdh_surgery.data.label_file import label_file, list_file, refuse_unlisted
from ssdh_surgery.data.record import Side
from ssdh_surgery.errors import FileError
from ssdh_surgery.files import read_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes

_CLASS_NAMES = "labels.txt"


def split_paths(out: Path) -> dict[Side, Path]:
    """Where the two sides of a split go: `x_lmdb` becomes `x_train_lmdb`, `x_test_lmdb`."""
    return {"train": _named(out, "train"), "test": _named(out, "test")}


def vectors_path(out: Path) -> Path:
    """Where the vectors of several labels go: beside `x_lmdb`, `x_labels_lmdb`."""
    return _named(out, "labels")


def _named(out: Path, word: str) -> Path:
    stem = out.name.removesuffix("_lmdb")
    return out.with_name(f"{stem}_{word}{out.name[len(stem) :]}")


def class_names_path(out: Path) -> Path:
    """Where the names of a folder's classes go."""
    return out.with_name(_CLASS_NAMES)


def class_names(classes: Sequence[str]) -> bytes:
    """The file that names the classes, a line each, in the order of their labels."""
    return b"".join(name_bytes(name) + b"\n" for name in classes)


def refuse_other_names(out: Path, classes: Sequence[str]) -> None:
    """Refuse to replace a file that names other classes.

    Raises:
        FileError: it does.
    """
    file = class_names_path(out)
    if classes and file.exists() and read_bytes(file) != class_names(classes):
        raise _in_the_way(file, "exists already, with other classes")


def refuse_label_files(paths: Iterable[Path], *, replace: bool) -> None:
    """Refuse to replace HDF5 files of vectors with their lists, or to write what no list can name.

    Raises:
        DataError: a path has white space.
        FileError: a file is there, and was not to be replaced.
        MissingExtra: h5py is not installed.
    """
    for path in paths:
        vectors = label_file(vectors_path(path))
        refuse_unlisted(vectors)
        for each in (vectors, list_file(vectors)):
            if os.path.lexists(each) and not replace:
                raise _in_the_way(each, "exists already")


def _in_the_way(file: Path, said: str) -> FileError:
    return FileError(said, location=Location(str(file)), hint="--force replaces it")
