"""Lists of images and labels, split as in Caffe's tools, but read strictly.

Every line that Caffe would silently misread is a problem here; `list_line` parses single lines.
"""

from __future__ import annotations

import os
from array import array
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ssdh_surgery.data import list_problems as kinds
from ssdh_surgery.data.list_line import Line, LineForm, OneLabel, SeveralLabels, usual_length
from ssdh_surgery.data.list_problems import Problem, ProblemKind
from ssdh_surgery.errors import DataError, SsdhError, file_errors
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_text, printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# The most labels of a line that a message shows.
_SHOWN_LABELS = 8


class ListEntry(NamedTuple):
    """An image of a list: its path as listed, its label and its line.

    `line_id` counts the lines from 0, as in Caffe; it is part of the record's key. Bytes of a
    path that are not UTF-8 are lone surrogates (see `names`). `labels` holds several labels as
    listed; `label` is 0 then.
    """

    path: str
    label: int
    line_id: int
    labels: array[float] | None = None


@dataclass(frozen=True)
class ImageList:
    """Images with labels, and the problems of the list.

    `source` is the path of the list or folder; `root` is the prefix of each path (`root + path`,
    as in Caffe). A line with an error is a problem, not an entry. `classes` are the names of the
    class folders, if it was made from them; `form` is how the lines were read.
    """

    source: str
    root: str
    entries: list[ListEntry]
    problems: list[Problem] = field(default_factory=list)
    classes: tuple[str, ...] = ()
    form: LineForm = field(default_factory=OneLabel)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The problems grouped by kind, errors first."""
        return kinds.findings(self.problems, self.source)

    @property
    def errors(self) -> int:
        """The number of lines left out because of an error."""
        return sum(problem.kind.rule.severity == "error" for problem in self.problems)

    def file(self, entry: ListEntry) -> str:
        """The path of the image of an entry."""
        return self.root + entry.path

    def label_vectors(self) -> NDArray[np.float32] | None:
        """The label vectors of all entries, [N, C]; None for a list with one label per image."""
        import numpy as np

        if not isinstance(self.form, SeveralLabels):
            return None
        rows = [entry.labels or array("f") for entry in self.entries]
        if self.form.classes is None:
            return np.array(rows, np.float32)
        vectors = np.zeros((len(rows), self.form.classes), np.float32)
        for vector, numbers in zip(vectors, rows, strict=True):
            vector[np.array(numbers, int)] = 1
        return vectors

    def unreadable(self, entry: ListEntry, error: SsdhError) -> Problem:
        """The problem of an entry whose image cannot be read."""
        line = None if self.classes else entry.line_id + 1
        return Problem(kinds.UNREADABLE, line, f"'{printable(entry.path)}': {error.message}")


def read_list(
    path: Path | str,
    root: Path | str = "",
    form: LineForm | None = None,
    *,
    check_files: bool = True,
    data: bytes | None = None,
) -> ImageList:
    """Read a list.

    Args:
        path: the list.
        root: the folder that its paths are relative to; by default the current one.
        form: what a line holds; by default a path and one label.
        check_files: report images that do not exist.
        data: the content of the list, if it has been read already (a pipe is read once).

    Raises:
        FileError: the list is missing or cannot be read.
        DataError: it is empty or not text.
    """
    form = form or OneLabel()
    prefix = os.path.join(root, "") if str(root) else ""
    with file_errors(path, "read"), open(path, "rb") if data is None else BytesIO(data) as file:
        reader = _Reader(prefix, form, os.path.dirname(path) if check_files else None)
        for number, line in enumerate(file, 1):
            if b"\0" in line:
                raise DataError("not a list: it is not text", location=Location(str(path)))
            reader.take(number, line)
    if not reader.lines:
        raise DataError("the list is empty", location=Location(str(path)))
    reader.finish()
    return ImageList(str(path), prefix, reader.entries, reader.problems, form=form)


class _Reader:
    """Reads a list line by line; checks that the images exist if `folder` is given."""

    def __init__(self, root: str, form: LineForm, folder: str | None) -> None:
        self.entries: list[ListEntry] = []
        self.problems: list[Problem] = []
        self.lines = 0
        self._root = root
        self._form = form
        self._folder = folder
        self._seen: dict[str, ListEntry] = {}
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
            return
        result = self._form.read(line, self._exists if self._folder is not None else None)
        if isinstance(result, Line):
            self._keep(ListEntry(result.path, result.label, number - 1, result.labels))
        else:
            self._report(result, number, f"'{printable(line)}'")

    def finish(self) -> None:
        """Check the label vectors of all lines against each other."""
        vectors = [entry.labels for entry in self.entries if entry.labels is not None]
        if not vectors or not isinstance(self._form, SeveralLabels):
            return
        if self._form.classes:
            for entry, labels in zip(self.entries, vectors, strict=True):
                if len(set(labels)) < len(labels):
                    detail = f"'{printable(entry.path)}' has {_labels_text(labels)}"
                    self._report(kinds.CLASS_TWICE, entry.line_id + 1, detail)
            return
        length = usual_length(vectors)
        entries, self.entries = self.entries, []
        for entry, labels in zip(entries, vectors, strict=True):
            number, name = entry.line_id + 1, f"'{printable(entry.path)}'"
            if len(labels) != length:
                detail = f"{name} has {len(labels):,}, most have {length:,}"
                self._report(kinds.OTHER_LENGTH, number, detail)
                continue
            self.entries.append(entry)
            if not all(label in (0, 1) for label in labels):
                self._report(kinds.NOT_BINARY, number, f"{name} has {_labels_text(labels)}")
            elif not any(labels):
                self._report(kinds.NO_CLASSES, number, name)

    def _exists(self, path: str) -> bool:
        return os.path.isfile(self._root + path)

    def _report(self, kind: ProblemKind, number: int, detail: str = "") -> None:
        self.problems.append(Problem(kind, number, detail))

    def _keep(self, entry: ListEntry) -> None:
        number = entry.line_id + 1
        if self._folder is not None and not self._exists(entry.path):
            is_near = os.path.isfile(os.path.join(self._folder, entry.path))
            note = " (it exists relative to the list's folder)" if is_near else ""
            self._report(kinds.MISSING, number, f"'{printable(entry.path)}'{note}")
            return
        before = self._seen.setdefault(entry.path, entry)
        if before is not entry:
            detail = f"'{printable(entry.path)}' has {_labels(before)} on line {before.line_id + 1}"
            if (before.label, before.labels) != (entry.label, entry.labels):
                self._report(kinds.CONTRADICTION, number, f"{detail}, here {_labels(entry)}")
                return
            self._report(kinds.TWICE, number, detail)
        self.entries.append(entry)


def _labels(entry: ListEntry) -> str:
    if entry.labels is None:
        return f"label {entry.label}"
    return "labels " + _labels_text(entry.labels)


def _labels_text(labels: array[float]) -> str:
    """The first of several labels, in the form of a list."""
    more = " ..." if len(labels) > _SHOWN_LABELS else ""
    return " ".join(f"{label:g}" for label in labels[:_SHOWN_LABELS]) + more
