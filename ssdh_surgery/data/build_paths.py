"""The paths that a build writes to, and which existing files it may replace."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from ssdh_surgery.data.class_names import ClassNames, class_names_beside, class_names_path
from ssdh_surgery.data.label_file import label_file, list_file, refuse_unlisted
from ssdh_surgery.data.record import Side
from ssdh_surgery.errors import DataError, FileError, did_you_mean
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable


def split_paths(out: Path) -> dict[Side, Path]:
    """The LMDBs of a split: `x_lmdb` becomes `x_train_lmdb` and `x_test_lmdb`."""
    return {"train": _with_word(out, "train"), "test": _with_word(out, "test")}


def vectors_path(out: Path) -> Path:
    """The LMDB of label vectors: `x_labels_lmdb` next to `x_lmdb`."""
    return _with_word(out, "labels")


def _with_word(out: Path, word: str) -> Path:
    stem = out.name.removesuffix("_lmdb")
    return out.with_name(f"{stem}_{word}{out.name[len(stem) :]}")


def refuse_new_classes(source: str, classes: Sequence[str], numbering: ClassNames) -> None:
    """Refuse classes of a folder that a numbering lacks: they would get labels of their own.

    Raises:
        DataError: it names these classes.
    """
    new = [name for name in classes if name not in set(numbering.names)]
    if not numbering or not new:
        return
    lines = f"a line '{printable(new[0])}'" if len(new) == 1 else "a line for each"
    near = did_you_mean(new[0], numbering.names)
    raise DataError(
        numbering.lacks(new),
        location=Location(source),
        hint=(f"{near} Otherwise, add " if near else "add ")
        + f"{lines} to the end of {numbering.file}; --labels-file none numbers the classes of "
        "this folder anew",
    )


def refuse_other_names(out: Path, classes: Sequence[str]) -> None:
    """Refuse to replace a file that does not name these classes.

    Raises:
        FileError: the existing file names other classes, or none.
    """
    if has_other_names(out, classes) and class_names_path(out).exists():
        raise _in_the_way(class_names_path(out), "exists already, with other classes")


def has_other_names(out: Path, classes: Sequence[str]) -> bool:
    """Whether there are classes that the file next to an LMDB does not name, or not as these."""
    if not classes:
        return False
    try:
        names = class_names_beside(out)
    except DataError:
        return True
    return names is None or names.names != tuple(classes)


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
