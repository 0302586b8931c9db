"""The paths that a build writes to, and which existing files it may replace."""

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
    """The LMDBs of a split: `x_lmdb` becomes `x_train_lmdb` and `x_test_lmdb`."""
    return {"train": _with_word(out, "train"), "test": _with_word(out, "test")}


def vectors_path(out: Path) -> Path:
    """The LMDB of label vectors: `x_labels_lmdb` next to `x_lmdb`."""
    return _with_word(out, "labels")


def _with_word(out: Path, word: str) -> Path:
    stem = out.name.removesuffix("_lmdb")
    return out.with_name(f"{stem}_{word}{out.name[len(stem) :]}")


def class_names_path(out: Path) -> Path:
    """The file with the class names of a folder."""
    return out.with_name(_CLASS_NAMES)


def class_names(classes: Sequence[str]) -> bytes:
    """The content of that file: one class name per line, in the order of the labels."""
    return b"".join(name_bytes(name) + b"\n" for name in classes)


def refuse_other_names(out: Path, classes: Sequence[str]) -> None:
    """Refuse to replace a file that names other classes.

    Raises:
        FileError: the existing file names other classes.
    """
    file = class_names_path(out)
    if classes and file.exists() and read_bytes(file) != class_names(classes):
        raise _in_the_way(file, "exists already, with other classes")


def refuse_label_files(paths: Iterable[Path], *, replace: bool) -> None:
    """Refuse to overwrite HDF5 label files and their lists, and paths that no list can name.

    Raises:
        DataError: a path contains white space.
        FileError: a file exists and `replace` is not set.
        MissingExtra: h5py is not installed.
    """
    for path in paths:
        vectors = label_file(vectors_path(path))
        refuse_unlisted(vectors)
        for each in (vectors, list_file(vectors)):
            if os.path.lexists(each) and not replace:
                raise _in_the_way(each, "exists already")


def _in_the_way(file: Path, message: str) -> FileError:
    return FileError(message, location=Location(str(file)), hint="--force replaces it")
