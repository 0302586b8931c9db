"""Values of records as class numbers, against a naive count."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ssdh_surgery.data import value_counts
from ssdh_surgery.data.datum import write_encoded, write_floats, write_raw
from ssdh_surgery.data.value_counts import count_values

VALUES = np.random.default_rng(6).integers(0, 9, (50, 4, 1, 1))


def items(records: list[bytes]) -> list[tuple[bytes, memoryview]]:
    return [(b"%03d" % number, memoryview(record)) for number, record in enumerate(records)]


@pytest.mark.parametrize("columns", [None, (1, 3), (3, 4)])
@pytest.mark.parametrize("are_floats", [False, True])
def test_columns(columns: tuple[int, int] | None, are_floats: bool) -> None:
    records = [
        write_floats(each.astype(np.float32)) if are_floats else write_raw(each.astype(np.uint8), 0)
        for each in VALUES
    ]
    found = count_values(items(records), columns)
    assert found is not None
    part = VALUES if columns is None else VALUES[:, columns[0] : columns[1]]
    assert found.counts == Counter(part.ravel().tolist())
    for value, key in found.first_keys.items():
        assert int(key) == next(n for n, each in enumerate(part) if value in each)
    assert (found.are_pixels, found.is_complete) == (False, True)


@pytest.mark.parametrize(
    "record",
    [
        write_floats(np.full((2, 1, 1), 0.5, np.float32)),
        write_floats(np.full((2, 1, 1), np.inf, np.float32)),
        write_floats(np.full((2, 1, 1), np.nan, np.float32)),
        write_encoded(b"no matter", 0),
        b"\x07",
    ],
)
def test_what_holds_no_class_numbers(record: bytes) -> None:
    assert count_values(items([record])) is None


def test_a_part_of_many_label_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_counts, "_MOST", 100)
    found = count_values(items([write_raw(np.ones((1, 8, 8), np.uint8), 0)] * 5))
    assert found is not None
    assert (found.counts, found.are_pixels, found.is_complete) == ({1: 128}, True, False)
