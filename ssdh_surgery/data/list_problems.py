"""The problems of an image list: small values per line, grouped into findings for the user.

A list of a million lines may have a million problems. A finding covers all problems of one kind:
the first lines in full, the others by number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ssdh_surgery import findings as rules
from ssdh_surgery.findings import Finding, FindingRule
from ssdh_surgery.location import Location


class ProblemKind(NamedTuple):
    """A kind of problem; `{}` in `message` stands for the lines concerned: `3 lines`."""

    rule: FindingRule
    message: str
    hint: str | None = None


class Problem(NamedTuple):
    """One problem: its line in the list (None for a folder) and the text there."""

    kind: ProblemKind
    line: int | None
    detail: str


_TWO_LMDBS = (
    "Caffe reads one label per image: --multi-label stores several in a second LMDB of "
    "label vectors"
)
_LINE_FORM = "a line is: the path, one space, the label"

MISSING = ProblemKind(
    rules.MISSING_PICTURE, "{} with images that do not exist",
    "paths are relative to the root folder (--root)",
)  # fmt: skip
UNREADABLE = ProblemKind(rules.UNREADABLE_PICTURE, "{} with images that cannot be read")
NO_LABEL = ProblemKind(rules.NO_LABEL, "{} that are not a path and a label", _LINE_FORM)
TRAILING_SPACE = ProblemKind(
    rules.TRAILING_SPACE, "{} with white space after the label",
    "Caffe splits at the last space, so a space there means label 0",
)  # fmt: skip
TAB = ProblemKind(
    rules.TAB_FOR_SPACE, "{} with a tab before the label",
    "Caffe splits at a space: replace the tab with one",
)  # fmt: skip
NO_NUMBER = ProblemKind(
    rules.LABEL_NOT_A_NUMBER, "{} with a label that is not an integer",
    "Caffe reads the digits that it begins with, or 0",
)  # fmt: skip
NEGATIVE = ProblemKind(
    rules.NEGATIVE_LABEL, "{} with a negative label",
    "classes count from 0",
)  # fmt: skip
TOO_LARGE = ProblemKind(rules.LABEL_TOO_LARGE, "{} with a label beyond 32 bits")
TWICE = ProblemKind(rules.LISTED_TWICE, "{} with images that are listed twice")
CONTRADICTION = ProblemKind(
    rules.CONTRADICTING_LABELS,
    "{} with images that are listed before with another label",
)
MULTI_LABEL = ProblemKind(rules.SEVERAL_LABELS, "{} with several labels", _TWO_LMDBS)
BYTE_ORDER_MARK = ProblemKind(
    rules.BYTE_ORDER_MARK, "the list begins with a byte order mark",
    "it is skipped here, but Caffe reads it as part of the first path: save the list as "
    "UTF-8 without it",
)  # fmt: skip
CARRIAGE_RETURN = ProblemKind(
    rules.WINDOWS_LINE_ENDS, "the list has Windows line ends",
    "they are read correctly, here and by Caffe",
)  # fmt: skip
EMPTY_LINE = ProblemKind(rules.EMPTY_LINE, "{} without content")
LONG_PATH = ProblemKind(
    rules.PATH_TOO_LONG, "{} with a path of more than 502 bytes",
    "it is part of the key of the record, and LMDB keys have at most 511 bytes",
)  # fmt: skip
NO_CLASS = ProblemKind(
    rules.PICTURE_WITHOUT_CLASS, "{} in no class folder, left out"
)  # fmt: skip
NOT_AN_IMAGE = ProblemKind(rules.NOT_A_PICTURE, "{} without the extension of an image, left out")
SEVERAL_SIZES = ProblemKind(
    rules.SEVERAL_SIZES, "the images differ in size",
    "all images of a batch need one size: resize them, or crop them in the net",
)  # fmt: skip
OTHER_LENGTH = ProblemKind(
    rules.OTHER_NUMBER_OF_LABELS, "{} with more or fewer labels than most",
    "a vector has one number per class; if these are class numbers, give the number of "
    "classes: --classes N",
)  # fmt: skip
NO_CLASS_NUMBER = ProblemKind(
    rules.LABEL_OUT_OF_RANGE, "{} with a label beyond --classes",
    "classes count from 0, so the last of N classes is N - 1",
)  # fmt: skip
NOT_BINARY = ProblemKind(
    rules.LABELS_NOT_BINARY, "{} with labels other than 0 and 1",
    "they are kept unchanged; if they are class numbers, give the number of classes: "
    "--classes N",
)  # fmt: skip
NO_CLASSES = ProblemKind(
    rules.PICTURE_IN_NO_CLASS, "{} with images that are in no class",
    "a query without a class has no relevant item in an evaluation",
)  # fmt: skip

CLASS_TWICE = ProblemKind(
    rules.CLASS_TWICE, "{} that name a class twice",
    "if the labels are vectors, with 0 or 1 for each class, leave out --classes",
)  # fmt: skip
CLASS_BY_CLASS = ProblemKind(
    rules.CLASS_BY_CLASS, "the images are sorted by class",
    "a net trained in this order sees one class at a time; --shuffle mixes them",
)  # fmt: skip

# The most problems of a kind that are reported in full, and then by line number.
_IN_FULL = 10
_BY_NUMBER = 40
# Characters of a detail.
_LONGEST = 300


def findings(problems: Iterable[Problem], file: str) -> tuple[Finding, ...]:
    """One finding per kind, errors first, sorted by code.

    `file` is the list or the folder of class folders; the location of a finding is the first
    line with the problem.
    """
    kinds: dict[ProblemKind, list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind, []).append(problem)
    order = sorted(kinds, key=lambda kind: (kind.rule.severity != "error", kind.rule.code))
    return tuple(_finding(kind, kinds[kind], file) for kind in order)


def _finding(kind: ProblemKind, problems: list[Problem], file: str) -> Finding:
    problems.sort(key=lambda problem: problem.line or 0)
    noun = "line" if problems[0].line is not None else "file"
    count = f"{len(problems):,} {noun}{'s' if len(problems) > 1 else ''}"
    message = [kind.message.format(count)]
    for problem in problems[:_IN_FULL]:
        label = "" if problem.line is None else f"line {problem.line}: "
        message += [f"    {label}{_cut(problem.detail)}"] if problem.detail else []
    lines = [problem.line for problem in problems[_IN_FULL:] if problem.line is not None]
    if lines:
        message.append(f"    and lines {_ranges(lines)}")
    elif len(problems) > _IN_FULL:
        message.append(f"    and {len(problems) - _IN_FULL:,} more")
    location = Location(file, problems[0].line)
    return kind.rule.at(location, "\n".join(message), kind.hint)


def _cut(detail: str) -> str:
    """A detail that quotes a long line, with its beginning and its end."""
    half = _LONGEST // 2
    return detail if len(detail) <= _LONGEST else f"{detail[:half]} ... {detail[-half:]}"


def _ranges(lines: list[int]) -> str:
    """Ascending line numbers as `3, 7-9`, and the number of further lines, if too many."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    ranges = [f"{a}" if a == b else f"{a}-{b}" for a, b in runs[:_BY_NUMBER]]
    left = sum(b - a + 1 for a, b in runs[_BY_NUMBER:])
    return ", ".join(ranges) + (f" and {left:,} more" if left else "")
