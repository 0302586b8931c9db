"""Labels of two files in one numbering: equal numbers exactly where names are equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery.errors import DataError
from ssdh_surgery.retrieval.codes.class_names import (
    in_one_numbering,
    label_name,
    largest_label,
    renumbered,
)
from ssdh_surgery.retrieval.codes.codes import Codes

NAMES = st.lists(
    st.sampled_from(["cat", "Cat", "dog", "eel", "", "\u732b"]), min_size=1, unique=True
)


@st.composite
def named_codes(draw: st.DrawFn, is_multi_label: bool) -> Codes:
    names = draw(NAMES)
    count = draw(st.integers(1, 6))
    if is_multi_label:
        rows = st.lists(st.integers(0, 1), min_size=len(names), max_size=len(names))
        labels = np.array([draw(rows) for _ in range(count)], np.uint8)
    else:
        numbers = st.integers(-1, len(names) - 1)
        labels = np.array([draw(numbers) for _ in range(count)], np.int64)
    ids = np.arange(count).astype(str)
    return Codes(np.zeros((count, 1), np.uint8), 8, ids, labels, class_names=tuple(names))


def classes(codes: Codes) -> list[set[str]]:
    """The names of the classes of each item."""
    if codes.is_multi_label:
        return [
            {codes.class_names[number] for number in np.flatnonzero(row)} for row in codes.labels
        ]
    return [set() if label < 0 else {codes.class_names[label]} for label in codes.labels]


def numbers(codes: Codes) -> list[set[int]]:
    if codes.is_multi_label:
        return [set(np.flatnonzero(row).tolist()) for row in codes.labels]
    return [set() if label < 0 else {int(label)} for label in codes.labels]


@pytest.mark.parametrize("is_multi_label", [False, True])
@given(data=st.data())
def test_numbers_are_equal_where_names_are(is_multi_label: bool, data: st.DataObject) -> None:
    one, other = (data.draw(named_codes(is_multi_label)) for _ in range(2))
    first, second = in_one_numbering(one, other)
    assert (classes(first), classes(second)) == (classes(one), classes(other))
    assert first.class_names == second.class_names
    for mine, names in zip(numbers(first), classes(one), strict=True):
        for theirs, other_names in zip(numbers(second), classes(other), strict=True):
            assert bool(mine & theirs) == bool(names & other_names)
    # The second set keeps its numbers.
    assert numbers(second) == numbers(other)


def test_a_label_without_a_name() -> None:
    codes = Codes(
        np.zeros((2, 1), np.uint8), 8, np.array(["a", "b"]), np.array([0, 3]), class_names=("cat",)
    )
    assert renumbered(codes, ("cat",)) is codes
    with pytest.raises(DataError, match="label 3 has no name: its class names end with label 0"):
        renumbered(codes, ("dog", "cat"))


def test_names_of_labels() -> None:
    names = ("cat", "dog")
    assert [label_name(label, names) for label in (0, 2, None)] == ["cat", None, None]
    assert label_name([1, 2], names) == ["dog", None]
    assert label_name([1], ()) is None
    assert label_name([], names) == []


def test_the_largest_label() -> None:
    assert largest_label(np.array([-1, 4, 2])) == 4
    assert largest_label(np.empty(0, np.int64)) == -1
    assert largest_label(np.array([[0, 1, 0], [1, 0, 0]], np.uint8)) == 1
    assert largest_label(np.zeros((2, 3), np.uint8)) == -1
