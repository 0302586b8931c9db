"""Lines with several labels: what they say, and how they are wrong."""

from __future__ import annotations

import tracemalloc
from array import array
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery.data import list_problems as kinds
from ssdh_surgery.data.image_list import ImageList, read_list
from ssdh_surgery.data.list_line import Line, LineForm, OneLabel, SeveralLabels
from ssdh_surgery.data.list_problems import ProblemKind

VECTOR = SeveralLabels()
NUMBERS = SeveralLabels(classes=9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg", "c.jpg", "my cat.jpg", "photo 1"):
        (tmp_path / name).touch()
    return tmp_path


def read(folder: Path, text: str, form: SeveralLabels = VECTOR) -> ImageList:
    (folder / "train.txt").write_text(text)
    return read_list(folder / "train.txt", folder, form)


@given(
    words=st.lists(st.sampled_from(["a.jpg", "my", "cat.jpg", "x,y", "é", "7"]), min_size=1),
    labels=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=6),
)
def test_a_line_splits_into_what_it_was_made_of(words: list[str], labels: list[float]) -> None:
    path = " ".join([*words, "end.jpg"])
    line = f"{path} {' '.join(map(repr, labels))}"
    assert VECTOR.read(line, None) == Line(path, 0, array("f", labels))
    assert VECTOR.read(line, lambda each: each == path) == Line(path, 0, array("f", labels))


def test_vectors_of_a_list(folder: Path) -> None:
    images = read(folder, "a.jpg 0 1 1\nmy cat.jpg 1,0,0\nphoto 1 0 0 1\nb.jpg 1 0  1\n")
    assert [entry.path for entry in images.entries] == ["a.jpg", "my cat.jpg", "photo 1", "b.jpg"]
    assert images.problems == []
    vectors = images.label_vectors()
    assert vectors is not None
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 0, 1]]


def test_class_numbers_become_vectors(folder: Path) -> None:
    images = read(folder, "a.jpg 0 8\nb.jpg 3\nc.jpg 3 3,1\n", NUMBERS)
    vectors = images.label_vectors()
    assert vectors is not None
    assert [np.flatnonzero(vector).tolist() for vector in vectors] == [[0, 8], [3], [1, 3]]
    assert vectors.shape == (3, 9)


def test_one_label_is_no_vector(folder: Path) -> None:
    (folder / "train.txt").write_text("a.jpg 4\n")
    assert read_list(folder / "train.txt", folder).label_vectors() is None


@pytest.mark.parametrize(
    ("line", "form", "name"),
    [
        ("b.jpg", VECTOR, "no-label"),
        ("b.jpg 0 1 0 ", VECTOR, "trailing-space"),
        ("b.jpg\t0 1 0", VECTOR, "tab-for-space"),
        ("b.jpg 0 1\t0", VECTOR, "tab-for-space"),
        ("b.jpg 0 1 cat", VECTOR, "label-not-a-number"),
        ("b.jpg 0 nan 1", VECTOR, "missing-picture"),
        ("b.jpg 0 1 1e99", VECTOR, "label-not-a-number"),
        ("b.jpg 0 1", VECTOR, "other-number-of-labels"),
        ("b.jpg 0 1 1 1", VECTOR, "other-number-of-labels"),
        ("x.jpg 0 1 1", VECTOR, "missing-picture"),
        (f"{'x' * 503} 1 0 0", VECTOR, "path-too-long"),
        ("a.jpg 1 1 1", VECTOR, "contradicting-labels"),
        ("b.jpg 9", NUMBERS, "label-out-of-range"),
        ("b.jpg 0 -1", NUMBERS, "label-out-of-range"),
        ("b.jpg 0.5", NUMBERS, "label-not-a-number"),
    ],
)
def test_errors(folder: Path, line: str, form: SeveralLabels, name: str) -> None:
    images = read(folder, f"a.jpg 0 1 0\nc.jpg 0 1 1\n{line}\n", form)
    assert [entry.path for entry in images.entries] == ["a.jpg", "c.jpg"]
    (finding,) = [each for each in images.findings if each.severity == "error"]
    assert (finding.name, finding.severity) == (name, "error")
    assert finding.location is not None
    assert finding.location.line == 3


def test_warnings(folder: Path) -> None:
    images = read(folder, "a.jpg 0 1\nb.jpg 0 0\nc.jpg -1 3\n")
    assert len(images.entries) == 3
    assert [str(finding).partition(": warning ")[2] for finding in images.findings] == [
        "SSDH621 labels-not-binary: 1 line with labels other than 0 and 1\n"
        "    line 3: 'c.jpg' has -1 3\n"
        "hint: they are kept unchanged; if they are class numbers, give the number of classes: "
        "--classes N",
        "SSDH622 picture-in-no-class: 1 line with images that are in no class\n"
        "    line 2: 'b.jpg'\n"
        "hint: a query without a class has no relevant item in an evaluation",
    ]


def test_class_numbers_taken_for_vectors_are_told(folder: Path) -> None:
    images = read(folder, "a.jpg 3 7\nb.jpg 1\nc.jpg 2 0\n")
    assert [finding.name for finding in images.findings] == [
        "other-number-of-labels",
        "labels-not-binary",
    ]
    assert "line 2: 'b.jpg' has 1, most have 2" in images.findings[0].message


def test_vectors_taken_for_class_numbers_are_told(folder: Path) -> None:
    images = read(folder, "a.jpg 1 0 1\nb.jpg 1 0\nc.jpg 0 0 1\n", SeveralLabels(2))
    assert [str(finding).partition(" ")[2] for finding in images.findings] == [
        "warning SSDH623 class-twice: 2 lines that name a class twice\n"
        "    line 1: 'a.jpg' has 1 0 1\n"
        "    line 3: 'c.jpg' has 0 0 1\n"
        "hint: if the labels are vectors, with 0 or 1 for each class, leave out --classes"
    ]
    assert len(images.entries) == 3


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("\t" * 100_000, id="tabs"),
        pytest.param("a.jpg " + "\t" * 100_000 + "x", id="tabs before a word"),
        pytest.param("a.jpg " + "1 " * 100_000 + "1", id="numbers"),
        pytest.param("a.jpg" + " " * 100_000 + "1", id="spaces"),
        pytest.param("a " + ",1" * 100_000, id="commas"),
        pytest.param("a.jpg " + "7" * 100_000, id="digits"),
    ],
)
@pytest.mark.parametrize(
    "form",
    [OneLabel(), SeveralLabels(), SeveralLabels(9)],
    ids=["a label", "several labels", "numbers of classes"],
)
def test_a_long_line_is_read_in_linear_time_and_space(form: LineForm, line: str) -> None:
    """Quadratic time would take minutes here, quadratic space gigabytes."""
    tracemalloc.start()
    form.read(line, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400 * len(line)


@pytest.mark.parametrize(
    ("label", "problem"), [("9" * 5000, kinds.TOO_LARGE), ("-" + "9" * 5000, kinds.NEGATIVE)]
)
def test_a_label_of_thousands_of_digits(label: str, problem: ProblemKind) -> None:
    assert OneLabel().read(f"a.jpg {label}", None) == problem
    assert SeveralLabels(9).read(f"a.jpg {label}", None) == kinds.NO_CLASS_NUMBER


def test_leading_zeros_do_not_make_a_label_large() -> None:
    assert OneLabel().read("a.jpg " + "0" * 5000 + "7", None) == Line("a.jpg", 7)
