"""`labels.txt`: the names of the classes, one per line, in the order of their labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.data.image import is_image_name
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import read_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes, name_text, printable
from ssdh_surgery.staging.renames import settle

FILE_NAME = "labels.txt"
# Classes that a message names.
_NAMED = 5


@dataclass(frozen=True)
class ClassNames:
    """A numbering of classes: label n has the n-th name; without names, nothing is numbered.

    Args:
        names: the names, each once.
        file: the file that has them.
    """

    names: tuple[str, ...] = ()
    file: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.names)

    def lacks(self, classes: Sequence[str]) -> str:
        """A sentence that says which classes are missing."""
        listed = ", ".join(f"'{printable(name)}'" for name in classes[:_NAMED])
        more = f" and {len(classes) - _NAMED:,} more" if len(classes) > _NAMED else ""
        return f"{self.file} does not name the class{'es' * (len(classes) > 1)} {listed}{more}"


def read_class_names(path: Path) -> ClassNames:
    """The names in a file.

    Raises:
        FileError: it cannot be read.
        DataError: it has no names, a name twice, or a line without one.
    """
    settle(path)
    data = read_bytes(path)
    where = Location(str(path))
    if b"\0" in data:
        raise DataError("not a list of class names: it is not text", location=where)
    names = _lines(data)
    if not names:
        raise DataError("names no classes", location=where)
    lines: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if not name:
            raise DataError("a line without a class name", location=Location(str(path), number))
        if name in lines:
            raise DataError(
                f"the class '{printable(name)}' has labels {lines[name] - 1} and {number - 1}",
                location=Location(str(path), number),
                hint="make the names differ, or use another file: --labels-file FILE, or none",
            )
        lines[name] = number
    return ClassNames(tuple(names), path)


def class_names_beside(path: Path) -> ClassNames | None:
    """The names in `labels.txt` next to a path; None without such a file.

    A file of that name may also be a list of images, which has no names.

    Raises:
        FileError, DataError: see `read_class_names`.
    """
    file = class_names_path(path)
    settle(file)
    if not file.is_file() or (path.exists() and file.samefile(path)) or _is_image_list(file):
        return None
    return read_class_names(file)


def class_names_path(path: Path) -> Path:
    """The file next to a path with the names of its classes."""
    is_named = path.name not in ("", "..")  # `.` and `..` are folders with another name
    return (path if is_named else Path(os.path.abspath(path))).parent / FILE_NAME


def class_names_content(path: Path) -> bytes | None:
    """The content of that file; None if there is none."""
    file = class_names_path(path)
    settle(file)
    return read_bytes(file) if file.is_file() else None


def class_names_bytes(names: Sequence[str]) -> bytes:
    """The content of such a file."""
    return b"".join(name_bytes(name) + b"\n" for name in names)


def _lines(data: bytes) -> list[str]:
    """The lines of a file, without a byte order mark, Windows line ends, and blank last lines."""
    lines = name_text(data.removeprefix(b"\xef\xbb\xbf")).rstrip("\r\n").split("\n")
    if all(line.endswith("\r") for line in lines[:-1]):
        lines = [line.removesuffix("\r") for line in lines]
    return lines if lines != [""] else []


def _is_image_list(file: Path) -> bool:
    """Whether the first line is the path of an image, with its labels or without."""
    lines = _lines(read_bytes(file))
    words = lines[0].split(" ") if lines else []
    while words and words[-1].replace(",", "").isdecimal():
        words.pop()
    return is_image_name(" ".join(words))
