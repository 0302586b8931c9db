"""Lists of pictures and labels, read as Caffe's tools split them, and strictly.

`convert_imageset` and the ImageData layer split a line at its last space and take for the
label whatever digits follow, 0 if there are none. Each way in which this silently goes
wrong is a problem here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ssdh_surgery.data import list_problems as kinds
from ssdh_surgery.data.list_problems import Kind, Problem
from ssdh_surgery.data.names import name_bytes, name_text, shown
from ssdh_surgery.errors import DataError, Finding, Location, SsdhError
from ssdh_surgery.files import explained

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LABEL = re.compile(r"[+-]?[0-9]+", re.ASCII)
_TABBED = re.compile(r"\t[ \t]*[+-]?[0-9]+[ \t]*\Z")
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]*\Z")
_COMMAS = re.compile(r"[+-]?[0-9]+([,;][+-]?[0-9]+)+\Z")
# LMDB takes keys of 511 bytes; a record's key begins with the number of its line.
LONGEST_PATH = 511 - len("00000000_")
_INT32 = 1 << 31


class Entry(NamedTuple):
    """A picture of a list: its path as listed, its label, and its place.

    `line_id` counts the list's lines from 0, as in Caffe; it is part of the record's key.
    Bytes of a path that are not UTF-8 are lone surrogates (see `names`).
    """

    path: str
    label: int
    line_id: int


@dataclass(frozen=True)
class ImageList:
    """Pictures with labels, and what is wrong with the list.

    `source` is the list or the folder as given, `root` stands before each path (`root +
    path`, as in Caffe). Lines with an error are problems and not entries. `classes` are the
    names of the class folders, where it was made from such.
    """

    source: str
    root: str
    entries: list[Entry]
    problems: list[Problem] = field(default_factory=list)
    classes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The problems grouped by kind, errors first."""
        return kinds.findings(self.problems, self.source)

    @property
    def errors(self) -> int:
        """How many lines are left out for an error."""
        return sum(problem.kind.severity == "error" for problem in self.problems)

    def file(self, entry: Entry) -> str:
        """Where the picture of an entry lies."""
        return self.root + entry.path

    def unreadable(self, entry: Entry, error: SsdhError) -> Problem:
        """The problem that the picture of an entry cannot be read."""
        line = None if self.classes else entry.line_id + 1
        return Problem(kinds.UNREADABLE, line, f"'{shown(entry.path)}': {error.message}")


def read_list(path: Path | str, root: Path | str = "", *, check_files: bool = True) -> ImageList:
    """Read a list; `check_files` looks whether each picture is there.

    `root` is the folder that the paths are looked up from, by default the current one.

    Raises:
        FileError: the list is missing or cannot be read.
        DataError: it is empty, or no text.
    """
    prefix = os.path.join(root, "") if str(root) else ""
    with explained(path, "read"), open(path, "rb") as file:
        reader = _Reader(prefix, os.path.dirname(path) if check_files else None)
        for number, line in enumerate(file, 1):
            if b"\0" in line:
                raise DataError("not a list: it is no text", location=Location(str(path)))
            reader.take(number, line)
    if not reader.lines:
        raise DataError("the list is empty", location=Location(str(path)))
    return ImageList(str(path), prefix, reader.entries, reader.problems)


class _Reader:
    """Takes a list line by line; looks for the pictures if it is told the list's folder."""

    def __init__(self, root: str, folder: str | None) -> None:
        self.entries: list[Entry] = []
        self.problems: list[Problem] = []
        self.lines = 0
        self._root = root
        self._folder = folder
        self._seen: dict[str, Entry] = {}
        self._is_windows = False

    def take(self, number: int, raw: bytes) -> None:
        self.lines = number
        if number == 1 and raw.startswith(_BYTE_ORDER_MARK):
            raw = raw.removeprefix(_BYTE_ORDER_MARK)
            self._report(kinds.BYTE_ORDER_MARK, number)
        line = name_text(raw.removesuffix(b"\n"))
        if line.endswith("\r"):
            line = line[:-1]
            if not self._is_windows:
                self._report(kinds.CARRIAGE_RETURN, number)
            self._is_windows = True
        if not line.strip():
            self._report(kinds.EMPTY_LINE, number)
        elif kind := self._wrong(line):
            self._report(kind, number, f"'{shown(line)}'")
        else:
            path, _, label = line.rpartition(" ")
            self._keep(Entry(path, int(label), number - 1))

    def _report(self, kind: Kind, number: int, detail: str = "") -> None:
        self.problems.append(Problem(kind, number, detail))

    def _wrong(self, line: str) -> Kind | None:
        """What is wrong with the form of a line, if anything."""
        path, _, label = line.rpartition(" ")
        if _TABBED.search(line):
            return kinds.TAB
        if not path or _EXTENSION.search(label):
            return kinds.NO_LABEL
        if label != label.strip() or not label:
            return kinds.TRAILING_SPACE
        if not _LABEL.fullmatch(label):
            return kinds.MULTI_LABEL if _COMMAS.fullmatch(label) else kinds.NO_NUMBER
        if self._has_several(path):
            return kinds.MULTI_LABEL
        if not 0 <= int(label) < _INT32:
            return kinds.NEGATIVE if int(label) < 0 else kinds.TOO_LARGE
        return kinds.LONG_PATH if len(name_bytes(path)) > LONGEST_PATH else None

    def _has_several(self, path: str) -> bool:
        """Whether a path ends in labels: `cat.jpg 2` is left of `cat.jpg 2 7`."""
        words = path.split(" ")
        count = len(words)
        while count and _LABEL.fullmatch(words[count - 1]):
            count -= 1
        if count in (0, len(words)) or not _EXTENSION.search(words[count - 1]):
            return False
        # It may be a picture's name all the same.
        return self._folder is None or not os.path.isfile(self._root + path)

    def _keep(self, entry: Entry) -> None:
        number = entry.line_id + 1
        if self._folder is not None and not os.path.isfile(self._root + entry.path):
            beside = os.path.isfile(os.path.join(self._folder, entry.path))
            there = " (it is there from the list's folder)" if beside else ""
            self._report(kinds.MISSING, number, f"'{shown(entry.path)}'{there}")
            return
        before = self._seen.setdefault(entry.path, entry)
        if before is not entry:
            said = f"'{shown(entry.path)}' has label {before.label} on line {before.line_id + 1}"
            if before.label != entry.label:
                self._report(kinds.CONTRADICTION, number, f"{said}, here {entry.label}")
                return
            self._report(kinds.TWICE, number, said)
        self.entries.append(entry)
