"""Edits are values: ordered, disjoint, and everything outside them is copied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdh_surgery.errors import OverlappingEdits
from ssdh_surgery.prototxt.edits import Edit, apply, merge_deletions, sort_edits
from support.strategies import searched

X = Edit.insertion


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        pytest.param([], "0123456789", id="none"),
        pytest.param([Edit(2, 4, "x")], "01x456789", id="replacement"),
        pytest.param([Edit.deletion(0, 10)], "", id="all-deleted"),
        pytest.param([X(0, "a"), X(10, "b")], "a0123456789b", id="both-ends"),
        pytest.param([X(5, "a"), X(5, "b"), X(5, "a")], "01234aba56789", id="same-place-in-order"),
        pytest.param([Edit(6, 7, ""), Edit(1, 2, "x")], "0x2345789", id="sorted"),
        pytest.param([Edit.deletion(3, 5), X(3, "a")], "012a56789", id="insertion-before-deletion"),
        pytest.param([X(5, "a"), Edit.deletion(3, 5)], "012a56789", id="insertion-after-deletion"),
        pytest.param([Edit(3, 5, "x"), Edit(5, 6, "y")], "012xy6789", id="neighbours"),
        pytest.param([X(3, "\r\n\ufeff\udce9")], "012\r\n\ufeff\udce93456789", id="any-text"),
    ],
)
def test_apply(edits: list[Edit], expected: str) -> None:
    assert apply("0123456789", edits) == expected


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        pytest.param([Edit(1, 4, "x"), Edit(3, 5, "")], "1-4 and 3-5", id="overlap"),
        pytest.param([Edit.deletion(1, 9), X(3, "x")], "1-9 and 3-3", id="insertion-inside"),
        pytest.param([Edit(1, 3, "x"), Edit(1, 3, "x")], "1-3 and 1-3", id="same-twice"),
        pytest.param([Edit(1, 3, ""), Edit(1, 5, "")], "1-3 and 1-5", id="same-start"),
    ],
)
def test_overlapping_edits_are_refused(edits: list[Edit], message: str) -> None:
    with pytest.raises(OverlappingEdits) as caught:
        apply("0123456789", edits)
    assert str(caught.value) == f"two edits touch the same text: {message}"


def test_edits_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Edit(1, 2, "x").start = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        pytest.param([(5, 7), (1, 3)], [(1, 3), (5, 7)], id="apart"),
        pytest.param([(1, 3), (3, 5)], [(1, 3), (3, 5)], id="touching"),
        pytest.param([(1, 4), (3, 5)], [(1, 5)], id="overlapping"),
        pytest.param([(1, 9), (3, 5), (8, 10)], [(1, 10)], id="within"),
        pytest.param([(1, 3), (1, 3)], [(1, 3)], id="twice"),
    ],
)
def test_union(edits: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    found = merge_deletions(Edit.deletion(*span) for span in edits)
    assert [(edit.start, edit.end, edit.text) for edit in found] == [(*e, "") for e in expected]


@searched
@given(st.text("ab\n\udce9", max_size=20), st.data())
def test_text_outside_edits_is_unchanged(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    edits = [Edit(start, end, data.draw(st.text("xy", max_size=3))) for start, end in spans]
    edits = list(sort_edits(data.draw(st.permutations(edits))))
    new = apply(text, edits)
    old_at = new_at = 0
    for edit in edits:
        length = edit.start - old_at
        assert new[new_at : new_at + length] == text[old_at : edit.start]
        new_at += length
        assert new[new_at : new_at + len(edit.text)] == edit.text
        old_at, new_at = edit.end, new_at + len(edit.text)
    assert new[new_at:] == text[old_at:]
