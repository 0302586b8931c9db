"""Test data beside training data: classes of one side only, and records of both."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.data import record_scan
from ssdh_surgery.data.datum import write_floats, write_raw
from support.check_folders import TESTED, classifier, data_layer, found, write_lmdb

NET = data_layer("lmdb") + data_layer("test", "TEST") + classifier(4)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def records(seed: int, labels: list[int]) -> list[bytes]:
    random = np.random.default_rng(seed)
    return [write_raw(random.integers(0, 256, (1, 8, 8)).astype(np.uint8), x) for x in labels]


def said(net: str = NET) -> list[tuple[str, str, str]]:
    """Code, severity and message of the findings but those on what a test reads."""
    findings = found(net, TESTED)
    return [(f.code, f.severity, f.message) for f in findings if f.code != "SSDH109"]


def test_sets_of_the_same_classes_and_other_images() -> None:
    write_lmdb("lmdb", records(1, [0, 1, 2, 3]))
    write_lmdb("test", records(2, [3, 2, 1, 0]))
    assert said() == []


def test_classes_that_only_one_set_has() -> None:
    write_lmdb("lmdb", records(1, [0, 1, 2, 2]))
    write_lmdb("test", records(2, [0, 1, 3, 3]))
    assert said() == [
        ("SSDH108", "warning", "1 class of 4 without a record in lmdb: 3"),
        (
            "SSDH118",
            "warning",
            "2 of 4 records of test have labels that no record of lmdb has: 3",
        ),
        ("SSDH119", "info", "1 label of lmdb without a record in test: 2"),
    ]


def test_records_in_both_sets() -> None:
    """By their pixels, whatever their labels and keys."""
    train, test = records(1, [0, 1, 2, 3]), records(2, [0, 1, 2, 3])
    test[1] = records(1, [1, 1, 1, 1])[2]
    write_lmdb("lmdb", train)
    write_lmdb("test", test)
    assert said() == [
        (
            "SSDH121",
            "warning",
            "1 of 4 records of test is in lmdb, too: '00000001' is '00000002' there",
        )
    ]


def test_a_sample_of_large_sets_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_scan, "_FINGERPRINTED", 1 << 17)
    train = records(1, [number % 4 for number in range(4000)])
    write_lmdb("lmdb", train)
    write_lmdb("test", train[1000:2000])
    (text,) = [message for code, _, message in said() if code == "SSDH121"]
    assert text.startswith("of one in 4 that were compared, ")
    count = int(text.split(" compared, ")[1].split(" ")[0])
    assert 180 < count < 330


def test_one_database_for_both_phases_is_deliberate() -> None:
    write_lmdb("lmdb", records(1, [0, 1, 2, 3]))
    assert said(NET.replace('"test"', '"lmdb"')) == []
    Path("test").symlink_to("lmdb")
    assert said() == []


def test_a_copy_is_not() -> None:
    write_lmdb("lmdb", records(1, [0, 1, 2, 3]))
    shutil.copytree("lmdb", "test")
    assert [code for code, _, _ in said()] == ["SSDH121"]


def test_blank_images_and_placeholders_are_no_particular_image() -> None:
    blank = [write_raw(np.full((1, 8, 8), 7, np.uint8), label) for label in range(4)]
    write_lmdb("lmdb", records(1, [0, 1, 2, 3]) + blank)
    write_lmdb("test", records(2, [0, 1, 2, 3]) + blank)
    assert said() == []
    (missing,) = records(3, [0])
    write_lmdb("many", records(1, [0, 1, 2, 3]) + [missing] * 4)
    write_lmdb("few", [*records(2, [0, 1, 2, 3]), missing])
    assert said(NET.replace('"lmdb"', '"many"').replace('"test"', '"few"')) == []
    twice = NET.replace('"lmdb"', '"twice"').replace('"test"', '"few"')
    write_lmdb("twice", records(1, [0, 1, 2, 3]) + [missing] * 2)
    assert [code for code, _, _ in said(twice)] == ["SSDH121"]


def test_equal_label_vectors_are_no_images() -> None:
    """Label images and vectors of two sets are equal now and then."""
    write_lmdb("lmdb", records(1, [0, 0, 0, 0]))
    write_lmdb("test", records(2, [0, 0, 0, 0]))
    vectors = [write_floats(np.eye(4, dtype=np.float32)[n].reshape(4, 1, 1)) for n in range(4)]
    masks = [write_raw(np.full((4, 1, 1), n, np.uint8), 0) for n in range(4)]
    for name, items in (("a", vectors), ("b", vectors), ("c", masks), ("d", masks)):
        write_lmdb(name, items)
    loss = classifier(4).replace("SoftmaxWithLoss", "SigmoidCrossEntropyLoss")
    for train, test in (("a", "b"), ("c", "d")):
        layers = [
            data_layer(source, phase).replace('top: "data" top: "label"', f'top: "{top}"')
            for source, phase, top in (
                ("lmdb", "TRAIN", "data"),
                (train, "TRAIN", "label"),
                ("test", "TEST", "data"),
                (test, "TEST", "label"),
            )
        ]
        assert [code for code, _, _ in said("".join(layers) + loss)] == []
