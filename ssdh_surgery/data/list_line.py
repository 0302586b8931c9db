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
# A run of blanks before a number; possessive and anchored, so that a long run is read once.
_BLANKS_BEFORE_NUMBER = re.compile(r"(?<![ \t])[ \t]++(?=[+-]?[0-9.])")
_DIGITS, _NUMERIC = "0123456789", "0123456789.,eE+- \t"
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]*\Z")
_COMMAS = re.compile(r"[+-]?[0-9]+([,;][+-]?[0-9]+)+\Z")
# LMDB keys have at most 511 bytes; the key of a record begins with the number of its line.
LONGEST_PATH = 511 - len("00000000_")
_INT32 = 1 << 31
# No label or number of a class has more digits; Python refuses to read thousands of them.
_MOST_DIGITS = 20


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
        number = _integer(label)
        if not 0 <= number < _INT32:
            return kinds.NEGATIVE if number < 0 else kinds.TOO_LARGE
        return _line(path, number)


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
        if _has_tab_before_numbers(line):
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
        if not all(0 <= _integer(word) < self.classes for word in words):
            return kinds.NO_CLASS_NUMBER
        return _line(path, 0, numbers)

    def _split(self, line: str, exists: Exists) -> tuple[str, list[str]]:
        """The path and the words after it that are the labels."""
        ends = list(_path_ends(line))
        if not ends:
            return line, []
        end = ends[-1]
        if exists is not None:
            end = next((each for each in reversed(ends) if exists(line[:each])), end)
        words = (word for part in line[end:].split(" ") for word in part.split(","))
        return line[:end], list(filter(None, words))


def _path_ends(line: str) -> Iterator[int]:
    """Where a path can end that is followed by nothing but numbers; the longest path first."""
    end, has_numbers = len(line), False
    while (space := line.rfind(" ", 0, end)) >= 0:
        word = line[space + 1 : end]
        if word and not all(map(_NUMBER.fullmatch, word.split(","))):
            return
        end, has_numbers = space, has_numbers or bool(word)
        if has_numbers and not line.endswith(" ", 0, end):
            yield end


def usual_length(lines: Iterable[array[float]]) -> int:
    """The most frequent number of labels per line; among equals the first."""
    counts: dict[int, int] = {}
    for labels in lines:
        counts[len(labels)] = counts.get(len(labels), 0) + 1
    return max(counts, key=lambda each: counts[each])


def _end_problem(line: str) -> ProblemKind | None:
    """The problem at the end of a line, for any number of labels."""
    path, _, label = line.rpartition(" ")
    if _has_tab_before_label(line):
        return kinds.TAB
    if not path or _EXTENSION.search(label):
        return kinds.NO_LABEL
    return kinds.TRAILING_SPACE if label != label.strip() or not label else None


def _has_tab_before_label(line: str) -> bool:
    """Whether the label at the end of a line follows a tab."""
    rest = line.rstrip(" \t")
    path = rest.rstrip(_DIGITS)
    if path == rest:
        return False
    path = path.removesuffix("-") if path.endswith("-") else path.removesuffix("+")
    return "\t" in path[len(path.rstrip(" \t")) :]


def _has_tab_before_numbers(line: str) -> bool:
    """Whether one of the numbers at the end of a line follows a tab."""
    numbers = line[len(line.rstrip(_NUMERIC)) :]
    return any("\t" in blanks[0] for blanks in _BLANKS_BEFORE_NUMBER.finditer(numbers))


def _integer(word: str) -> int:
    """The value of digits with a sign, or a value of that sign that is out of every range."""
    sign = -1 if word.startswith("-") else 1
    digits = word.lstrip("+-").lstrip("0") or "0"
    return sign * (int(digits) if len(digits) <= _MOST_DIGITS else 1 << 64)


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
