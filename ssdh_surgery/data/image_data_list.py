"""The list of an ImageData layer: its lines as Caffe splits them, and what it misreads.

Unlike `convert_imageset`, which leaves out what it cannot read, the layer stops at it: every line
counts, an empty one too. Paths are `root_folder + path`, relative to caffe's working directory.
Source: image_data_layer.cpp.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ssdh_surgery import findings as rules
from ssdh_surgery.data import list_problems as kinds
from ssdh_surgery.data.image_header import JPEG, ImageHeader, has_size, is_turned, read_image_header
from ssdh_surgery.data.label_counts import LabelCounts
from ssdh_surgery.data.list_line import Line, OneLabel
from ssdh_surgery.data.list_problems import Problem, ProblemKind
from ssdh_surgery.errors import DataError, FileError, SsdhError, file_errors
from ssdh_surgery.files import read_regular, refuse_device
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_text, printable

EMPTY_LINE = ProblemKind(
    rules.LINE_WITHOUT_PICTURE,
    "{} without content",
    "Caffe takes the root folder for the image of an empty line: remove it, also at the end",
)
_MULTI_LABEL = kinds.MULTI_LABEL._replace(
    hint="Caffe reads one label per image: 'ssdh data build --multi-label' makes LMDBs of several"
)
# What is wrong with a label alone: it does not matter to a net that reads none.
_OF_LABELS = frozenset([kinds.NO_LABEL, kinds.NO_NUMBER, kinds.TOO_LARGE, _MULTI_LABEL])
_MOST_DIGITS = 9
# The start of a file, in which headers end, but for those of a JPEG with long profiles.
_START = 1 << 16
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ListedImage(NamedTuple):
    """An image as Caffe reads its line: the path (see `names`), the label, the line from 1."""

    path: str
    label: int
    line: int


class ImageDataList:
    """A list, read whole.

    Raises:
        FileError: it is missing or cannot be read.
        DataError: it is empty, or not text.
    """

    def __init__(self, path: Path | str) -> None:
        data = read_regular(path)
        where = Location(str(path))
        if b"\0" in data:
            raise DataError("not a list: it is not text", location=where)
        self.source = str(path)
        self._lines = data.split(b"\n")
        if not self._lines[-1]:
            self._lines.pop()
        if not self._lines:
            raise DataError("the list is empty", location=where)

    def __len__(self) -> int:
        return len(self._lines)

    def image(self, index: int) -> ListedImage:
        """The image of a line, which is counted from 0."""
        line = self._lines[index]
        path, space, label = line.rpartition(b" ")
        return ListedImage(name_text(path if space else line), _number(label), index + 1)

    def contradiction(self) -> tuple[ListedImage, ListedImage] | None:
        """The first two lines that name one image with different labels."""
        first: dict[bytes, int] = {}
        for index, line in enumerate(self._lines):
            path, _, label = line.rpartition(b" ")
            before = first.setdefault(path, index)
            if before != index and path and _number(label) != self.image(before).label:
                return self.image(before), self.image(index)
        return None

    @property
    def labels(self) -> LabelCounts:
        """The labels of all lines that are well formed."""
        counts, first_lines, *_ = self._scan
        places = {label: f"line {line}" for label, line in first_lines.items()}
        return LabelCounts(Path(self.source), "line", counts, places)

    @property
    def label_runs(self) -> int:
        """How many times another label follows, counting the first."""
        return self._scan[3]

    def problems(self, *, has_labels: bool = True) -> list[Problem]:
        """The lines that Caffe misreads; without labels those whose path is wrong."""
        return [each for each in self._scan[2] if has_labels or each.kind not in _OF_LABELS]

    @cached_property
    def _scan(self) -> tuple[Counter[int], dict[int, int], list[Problem], int]:
        """How often each label occurs, the first line of each, the problems, and the runs."""
        counts: Counter[int] = Counter()
        first_lines: dict[int, int] = {}
        problems: list[Problem] = []
        runs, last = 0, None
        for number, line in enumerate(self._lines, 1):
            path, _, word = line.rpartition(b" ")
            # The common form, without a look at anything else: lists have millions of lines.
            if (
                word.isdigit()
                and len(word) <= _MOST_DIGITS
                and path
                and b" " not in path
                and path[-1:] != b"\t"
            ):
                label = int(word)
            else:
                kind = _problem(line)
                if kind is not None:
                    detail = f"'{printable(line)}'" if line.strip() else ""
                    problems.append(Problem(kind, number, detail))
                    continue
                label = _number(word)
            if label != last:
                runs, last = runs + 1, label
                first_lines.setdefault(label, number)
            counts[label] += 1
        return counts, first_lines, problems, runs


def _problem(line: bytes) -> ProblemKind | None:
    """The problem of a line, None for a path and an integer."""
    text = name_text(line.removesuffix(b"\r"))
    if not text.strip():
        return EMPTY_LINE
    result = OneLabel().read(text, None)
    if result == kinds.MULTI_LABEL:
        return _MULTI_LABEL
    # A negative label may be the one that a loss ignores, and a path may have any length.
    if isinstance(result, Line) or result in (kinds.NEGATIVE, kinds.LONG_PATH):
        return None
    return result


def _number(word: bytes) -> int:
    """The integer that a word begins with, as C's `atoi` reads it."""
    word = word.lstrip()
    sign = word[:1] if word[:1] in (b"+", b"-") else b""
    rest = word[len(sign) :]
    digits = rest[: len(rest) - len(rest.lstrip(b"0123456789"))]
    return int(sign + digits[: _MOST_DIGITS * 2]) if digits else 0


@dataclass(frozen=True)
class ImageFiles:
    """The files of the images of a list, in caffe's working directory `folder`."""

    images: ImageDataList
    root: str
    folder: Path

    def path(self, index: int) -> str:
        """The path of an image, as seen from here."""
        return str(self.folder / (self.root + self.images.image(index).path))

    def names(self) -> dict[str, int]:
        """The path of each image from caffe's working directory, with its first index."""
        count = len(self.images)
        paths = (self.root + self.images.image(index).path for index in range(count))
        names: dict[str, int] = {}
        for index, path in enumerate(paths):
            names.setdefault(os.path.normpath(path), index)
        return names

    def missing(self, indices: Sequence[int]) -> Iterator[Problem]:
        """The images, of these lines, that do not exist."""
        for index in indices:
            if not os.path.isfile(self.path(index)):
                image = self.images.image(index)
                note = self._note(image)
                yield Problem(self._missing_kind(), image.line, f"'{printable(image.path)}'{note}")

    def header(self, index: int) -> ImageHeader:
        """The header of an image, without a size where it may be rotated.

        Raises:
            FileError: it cannot be read.
            DataError: it is no image that OpenCV reads.
        """
        path = self.path(index)
        with file_errors(path, "read"):
            refuse_device(path)
            with open(path, "rb") as file:
                data = file.read(_START)
                if data.startswith(JPEG) and not has_size(data):
                    data += file.read()
        return ImageHeader() if is_turned(data) else read_image_header(data)

    def size(self, index: int) -> tuple[int, int] | None:
        """The height and width of an image, None if its header does not tell."""
        try:
            header = self.header(index)
        except SsdhError:
            return None
        return (header.height, header.width) if header.height and header.width else None

    def unreadable(self, indices: Sequence[int]) -> Iterator[Problem]:
        """The files, of these lines, that are no images; those that do not exist are left out."""
        for index in indices:
            try:
                self.header(index)
            except DataError as error:
                image = self.images.image(index)
                detail = f"'{printable(image.path)}': {error.message}"
                yield Problem(kinds.UNREADABLE, image.line, detail)
            except FileError:
                continue

    def _missing_kind(self) -> ProblemKind:
        root = f"root_folder '{self.root}' and the path" if self.root else "the path"
        return kinds.MISSING._replace(
            hint=f"caffe opens {root} from its working directory: {self.folder}"
        )

    def _note(self, image: ListedImage) -> str:
        """Where a missing image is instead, or why it is not found."""
        if image.line == 1 and image.path.encode("utf-8", "replace").startswith(_BYTE_ORDER_MARK):
            return " (it begins with a byte order mark: save the list as UTF-8 without it)"
        if self.root and not self.root.endswith("/"):
            slashed = os.path.join(self.folder, self.root, image.path)
            if os.path.isfile(slashed):
                return f" (root_folder needs a slash at its end: '{self.root}/')"
        near = os.path.join(os.path.dirname(self.images.source), image.path)
        if os.path.isfile(near):
            return " (it exists relative to the list's folder)"
        if image.path.startswith("~"):
            return " (caffe does not expand '~')"
        return ""
