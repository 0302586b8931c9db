"""One line of an image list: a path with one label or several.

`convert_imageset` and the ImageData layer split a line at its last space and read the digits that
follow as the label, 0 if there are none. Several labels take one of two forms: a vector
(`cat.jpg 0 1 1 0`), as in the lists of multi-label data sets, or the numbers of the classes of
the image (`cat.jpg 1 2`).
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ssdh_surgery.data import list_problems as kinds
from ssdh_surgery.data.list_problems import ProblemKind
from ssdh_surgery.names import name_bytes

# Tests whether an image exists at a path; None for no test.
Exists = Callable[[str], bool] | None

_LABEL = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_TABBED = re.compile(r"\t[ \t]*[+-]?[0-9]+[ \t]*\Z")
_SEVERAL_TABBED = re.compile(r"\t[ \t]*[+-]?[0-9.][0-9.,eE+ \t-]*\Z")
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]*\Z")
_COMMAS = re.compile(r"[+-]?[0-9]+([,;][+-]?[0-9]+)+\Z")
# LMDB keys have at most 511 bytes; the key of a record begins with the number of its line.
LONGEST_PATH = 511 - len("00000000_")
_INT32 = 1 << 31


class Line(NamedTuple):
    """The path and label of a line; with several `labels`, `label` is 0."""

    path: str
    label: int
    labels: array[float] | None = None


class LineForm(Protocol):
    """A form of the lines of a list."""

    def read(self, line: str, exists: Exists) -> Line | ProblemKind:
        """The content of a line (without its line break), or the kind of its problem."""


class OneLabel:
    """`path label`, split at the last space as in Caffe."""

    def read(self, line: str, exists: Exists) -> Line | ProblemKind:
        """The content of a line, or the kind of its problem."""
        path, _, label = line.rpartition(" ")
        if problem := _end_problem(line):
            return problem
        if not _LABEL.fullmatch(label):
            return kinds.MULTI_LABEL if _COMMAS.fullmatch(label) else kinds.NO_NUMBER
        if _has_several(path, exists):
            return kinds.MULTI_LABEL
        if not 0 <= int(label) < _INT32:
            return kinds.NEGATIVE if int(label) < 0 else kinds.TOO_LARGE
        return _line(path, int(label))


@dataclass(frozen=True)
class SeveralLabels:
    """`path label label ...`, with spaces or commas between the labels.

    The labels are a vector with one number per class; if `classes` gives the number of classes,
    they are the numbers of the classes of the image, counted from 0.

    The path ends before the trailing numbers of the line. If no such image exists, but one whose
    name ends in numbers does, that is the path.
    """

    classes: int | None = None

    def read(self, line: str, exists: Exists) -> Line | ProblemKind:
        """The content of a line, or the kind of its problem."""
        if _SEVERAL_TABBED.search(line):
            return kinds.TAB
        if problem := _end_problem(line):
            return problem
        path, words = self._split(line, exists)
        if not path or not words:
            return kinds.NO_NUMBER
        numbers = array("f", map(float, words))
        if self.classes is None:
            return _line(path, 0, numbers) if all(map(math.isfinite, numbers)) else kinds.NO_NUMBER
        if not all(_LABEL.fullmatch(word) for word in words):
            return kinds.NO_NUMBER
        if not all(0 <= int(word) < self.classes for word in words):
            return kinds.NO_CLASS_NUMBER
        return _line(path, 0, numbers)

    def _split(self, line: str, exists: Exists) -> tuple[str, list[str]]:
        """The path and the words after it that are the labels."""
        splits = list(_splits(line))
        if exists is not None:
            splits = [each for each in splits if exists(each[0])] or splits
        return splits[-1] if splits else (line, [])


def _splits(line: str) -> Iterator[tuple[str, list[str]]]:
    """All splits of a line into a path and trailing numbers, the fewest numbers first."""
    words: list[str] = []
    path = line
    while True:
        path, space, word = path.rpartition(" ")
        parts = word.split(",") if word else []
        if not space or not all(map(_NUMBER.fullmatch, parts)):
            return
        words = parts + words
        if words and not path.endswith(" "):
            yield path, words


def usual_length(lines: Iterable[array[float]]) -> int:
    """The most frequent number of labels per line; among equals the first."""
    counts: dict[int, int] = {}
    for labels in lines:
        counts[len(labels)] = counts.get(len(labels), 0) + 1
    return max(counts, key=lambda each: counts[each])


def _end_problem(line: str) -> ProblemKind | None:
    """The problem at the end of a line, for any number of labels."""
    path, _, label = line.rpartition(" ")
    if _TABBED.search(line):
        return kinds.TAB
    if not path or _EXTENSION.search(label):
        return kinds.NO_LABEL
    return kinds.TRAILING_SPACE if label != label.strip() or not label else None


def _line(path: str, label: int, labels: array[float] | None = None) -> Line | ProblemKind:
    return kinds.LONG_PATH if len(name_bytes(path)) > LONGEST_PATH else Line(path, label, labels)


def _has_several(path: str, exists: Exists) -> bool:
    """Whether a path ends in labels, as `cat.jpg 2` does, which remains of `cat.jpg 2 7`."""
    words = path.split(" ")
    count = len(words)
    while count and _LABEL.fullmatch(words[count - 1]):
        count -= 1
    if count in (0, len(words)) or not _EXTENSION.search(words[count - 1]):
        return False
    # It may still be the name of an image.
    return exists is None or not exists(path)
