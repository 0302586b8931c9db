"""Scans of records against naive loops over protobuf messages."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.messages.schema import message_class
from ssdh_surgery.data import record_scan
from ssdh_surgery.data.datum import write_encoded, write_floats, write_raw
from ssdh_surgery.data.record_scan import RecordScan, scan_records
from ssdh_surgery.data.scan_cache import identity_of, remember, remembered

RANDOM = np.random.default_rng(5)


def pixels(*shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, shape).astype(np.uint8)


def scanned(records: list[bytes], size: int = 1) -> RecordScan:
    items = [(b"%04d" % number, memoryview(record)) for number, record in enumerate(records)]
    return scan_records(items, len(items), size)


def test_records_of_every_form() -> None:
    """Alike, alternating in size, with floats, encoded, with fields in another order."""
    labels = [int(label) for label in RANDOM.integers(-2, 300, 400)]
    records = []
    for number, label in enumerate(labels):
        match number % 4 if number > 200 else 0:
            case 0:
                records.append(write_raw(pixels(1, 4, 5), label))
            case 1:
                records.append(write_raw(pixels(3, 6, 4), label))
            case 2:
                labels[number] = 0
                records.append(write_floats(pixels(7, 1, 1).astype(np.float32)))
            case _:
                datum = message_class("Datum")(
                    channels=1, height=4, width=5, data=bytes(range(20)), label=label
                )
                whole, size = datum.SerializeToString(), len(bytes(20)) + 2
                # The label first, then the rest.
                label_field = message_class("Datum")(label=label).SerializeToString()
                records.append(label_field + whole[: 6 + size])
    scan = scanned(records)
    messages = [message_class("Datum").FromString(record) for record in records]
    expected = Counter(message.label for message in messages)
    assert scan.label_counts == expected
    assert scan.label_runs == len(list(groupby(message.label for message in messages)))
    sizes = Counter((each.channels, each.height, each.width) for each in messages)
    assert {size: each.count for size, each in scan.sizes.items()} == sizes
    for label, each in scan.labels.items():
        first = next(n for n, message in enumerate(messages) if message.label == label)
        assert each.key == f"{first:04d}"
    assert scan.damage == ()
    assert len(scan.fingerprints) == sum(bool(message.data) for message in messages)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5])
@pytest.mark.parametrize("is_packed", [False, True])
def test_numbers_are_counted(count: int, is_packed: bool) -> None:
    """Caffe's own schema does not pack them."""
    values = np.arange(count, dtype=np.float32)
    if is_packed:
        floats = write_floats(values.reshape(1, 1, -1))[6:]
    else:
        floats = message_class("Datum")(float_data=values.tolist()).SerializeToString()
    scan = scanned([b"\x08\x04\x10\x01\x18\x01" + floats])
    kinds = [damage.kind for damage in scan.damage]
    assert kinds == ["too-short"] * (count < 4) + ["too-long"] * (count > 4)


def test_identical_contents_have_one_fingerprint_whatever_their_label() -> None:
    one, other = pixels(1, 8, 8), pixels(1, 8, 8)
    scan = scanned([write_raw(one, 0), write_raw(other, 1), write_raw(one, 2)])
    first, second, third = scan.fingerprints
    assert first == third != second


def test_a_sample_is_the_same_in_every_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a larger database fewer contents have a fingerprint, and these in the smaller one, too."""
    monkeypatch.setattr(record_scan, "_FINGERPRINTED", 1 << 16)
    records = [write_raw(pixels(1, 8, 8), number % 9) for number in range(2000)]
    small, large = scanned(records, 3 << 16), scanned(records, 14 << 16)
    assert (small.share, large.share) == (4, 16)
    assert set(large.fingerprints) < set(small.fingerprints)
    assert 60 < len(large.fingerprints) < 190
    assert list(small.numbers) == sorted(small.numbers)
    every = scanned(records).fingerprints
    assert [every[number] for number in small.numbers] == list(small.fingerprints)


@pytest.mark.parametrize(
    ("record", "kind", "reason"),
    [
        (write_raw(pixels(1, 8, 8), 3)[:-30], "not-a-datum", "not a Datum: the field at byte 6"),
        (b"\x07", "not-a-datum", "not a Datum"),
        (write_encoded(b"\xff\xd8\xff\xe0 cut", 0), "not-an-image", "the JPEG ends before"),
        (write_encoded(b"", 0), "not-an-image", "it is empty"),
        (b"\x08\x01\x10\x08\x18\x08\x22\x02ab", "too-short", "2 values, but the sizes require 64"),
        (b"\x08\x01\x10\x08\x18\x08", "too-short", "0 values, but the sizes require 64"),
        (b"\x08\x01\x10\x01\x18\x01\x22\x02ab", "too-long", "2 values, but the sizes require 1 "),
        (b"\x22\x02ab", "no-sizes", "no sizes"),
        (b"", "no-sizes", "no sizes"),
        (
            b"\x08\x01\x10\x09\x18\x01\x22\x04\xff\xd8\xff\xe0",
            "too-short",
            "it is an encoded image, but does not say so",
        ),
    ],
)
def test_damage(record: bytes, kind: str, reason: str) -> None:
    good = [write_raw(pixels(1, 8, 8), 3)] * 3
    (damage,) = scanned([*good, record, *good, record]).damage
    assert (damage.kind, damage.count, damage.key) == (kind, 2, "0003")
    assert reason in damage.reason


def test_a_scan_is_remembered_until_the_database_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "data.mdb"
    file.write_bytes(b"1")
    scan = scanned([write_raw(pixels(1, 8, 8), 3), write_encoded(b"x", 1), b"\x07"])
    identity = identity_of(tmp_path, [file], 7)
    assert remembered(identity) is None
    remember(identity, scan)
    assert remembered(identity) == scan
    assert remembered(identity_of(tmp_path, [file], 8)) is None
    file.write_bytes(b"12")
    assert remembered(identity_of(tmp_path, [file], 7)) is None
    for damage in (b"", b"{}", b"[1]", b'{"identity": 1, "scan": {}}'):
        (kept,) = (tmp_path / "cache" / "ssdh-surgery" / "scans").iterdir()
        kept.write_bytes(damage)
        assert remembered(identity) is None


def test_a_cache_that_cannot_be_written_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    identity = identity_of(tmp_path, [tmp_path / "cache"], 7)
    remember(identity, scanned([write_raw(pixels(1, 8, 8), 3)]))
    assert remembered(identity) is None
