"""A folder of class folders as an image list; labels number the sorted folder names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.data import list_problems as kinds
from ssdh_surgery.data.image import is_image_name
from ssdh_surgery.data.image_list import ImageList, ListEntry
from ssdh_surgery.data.list_line import LONGEST_PATH
from ssdh_surgery.data.list_problems import Problem
from ssdh_surgery.errors import DataError, file_errors
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes, printable


def read_class_folders(folder: Path | str) -> ImageList:
    """The images of a folder: `CLASS/.../IMAGE`, sorted by class and then by path.

    Labels number the classes from 0, in the order of code points; a folder without images is a
    class, too. Hidden files and folders are skipped.

    Raises:
        FileError: the folder is missing or cannot be read.
        DataError: it has no class folders, no images, or a class name that `labels.txt`
            cannot hold.
    """
    where = Location(str(folder))
    with file_errors(folder, "read"):
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
        classes = [name for name in names if os.path.isdir(os.path.join(folder, name))]
    root = os.path.join(folder, "")
    for name in classes:
        if "\n" in name:
            raise DataError(
                f"a class name contains a line break: '{printable(name)}'", location=where
            )
    loose = [name for name in names if name not in set(classes) and is_image_name(name)]
    problems = [Problem(kinds.NO_CLASS, None, f"'{printable(name)}'") for name in loose]
    entries: list[ListEntry] = []
    for label, name in enumerate(classes):
        for path in _files(root, name):
            _take(root, path, label, entries, problems)
    if not entries:
        hint = (
            "put the images of each class into a folder of its own"
            if loose or not classes
            else None
        )
        raise DataError("no class folders with images", location=where, hint=hint)
    return ImageList(str(folder), root, entries, problems, tuple(classes))


def _take(
    root: str, path: str, label: int, entries: list[ListEntry], problems: list[Problem]
) -> None:
    if not is_image_name(path) or is_not_a_file(root + path):
        problems.append(Problem(kinds.NOT_AN_IMAGE, None, f"'{printable(path)}'"))
    elif len(name_bytes(path)) > LONGEST_PATH:
        problems.append(Problem(kinds.LONG_PATH, None, f"'{printable(path)}'"))
    else:
        entries.append(ListEntry(path, label, len(entries)))


def _files(root: str, name: str) -> Iterator[str]:
    """The files below a class folder, as paths relative to the root."""
    paths: list[str] = []
    for folder, folders, files in os.walk(root + name):
        folders[:] = [inner for inner in folders if not inner.startswith(".")]
        below = os.path.relpath(folder, root)
        paths += [os.path.join(below, file) for file in files if not file.startswith(".")]
    return iter(sorted(paths))


def is_not_a_file(path: str) -> bool:
    """Whether a path is something other than a file: a folder, or a pipe that would block.

    A dangling link counts as a file, which then cannot be read.
    """
    return not os.path.isfile(path) and os.path.exists(path)
