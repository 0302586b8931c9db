"""What is inside a database: damage, sizes and order, and near misses that are fine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery.data.datum import write_encoded, write_floats, write_raw
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.pipeline.check import databases
from ssdh_surgery.pipeline.check.databases import Databases
from support.check_folders import (
    TESTED,
    classifier,
    data_layer,
    found,
    labelled,
    texts,
    write_lmdb,
)

NET = data_layer("lmdb") + classifier(3)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def image(extension: str, *shape: int) -> bytes:
    values = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8)
    return bytes(cv2.imencode(extension, values)[1].tobytes())


def encoded(count: int, extension: str = ".png", *shape: int) -> list[bytes]:
    return [write_encoded(image(extension, *(shape or (8, 8))), each % 3) for each in range(count)]


def test_a_record_that_is_no_image() -> None:
    records = encoded(30)
    records[20] = write_encoded(b"\xff\xd8\xff\xe0 cut", 0)
    write_lmdb("lmdb", records)
    assert texts(NET) == [
        "SSDH110 record '00000020' of lmdb cannot be decoded: the JPEG ends before its size\n"
        "hint: 'ssdh data show lmdb --verify' names all that cannot be read"
    ]
    records[3] = write_encoded(b"<html>404", 0)
    write_lmdb("again", records)
    (text, *_) = texts(NET.replace('"lmdb"', '"again"'))
    assert text.startswith("SSDH110 record '00000003' of again cannot be decoded: no image")
    assert "; 2 of 30 records are like this" in text


def test_bytes_that_are_no_record() -> None:
    write_lmdb("lmdb", [*labelled([0, 1, 2]), b"\x07"])
    (text,) = texts(NET)
    assert text.startswith("SSDH110 record '00000003' of lmdb is not a Datum: no field begins")


def test_an_image_without_its_end_is_doubtful() -> None:
    whole = image(".jpg", 40, 40)
    write_lmdb(
        "lmdb", [write_encoded(whole[: len(whole) - 300 * (n == 4)], n % 3) for n in range(9)]
    )
    (finding,) = found(NET)
    assert (finding.code, finding.severity) == ("SSDH116", "warning")
    assert "record '00000004' of lmdb is cut off" in finding.message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (40, "SSDH111 record '00000002' of lmdb has 40 values, but the sizes require 64"),
        (0, "SSDH111 record '00000002' of lmdb has 0 values, but the sizes require 64"),
        (65, "SSDH112 record '00000002' of lmdb has 65 values, but the sizes require 64"),
        (64, None),
    ],
)
@pytest.mark.parametrize("are_floats", [False, True])
def test_values_and_sizes(values: int, message: str | None, are_floats: bool) -> None:
    def record(count: int, label: int) -> bytes:
        if are_floats:
            data = write_floats(np.zeros((1, 1, count), np.float32))[6:]
        else:
            data = write_raw(np.zeros((1, 1, count), np.uint8), 0)[6:-4]
        return b"\x08\x01\x10\x08\x18\x08" + data + bytes((0x28, label))

    write_lmdb("lmdb", [record(64, 0), record(64, 1), record(values, 2)])
    said = texts(NET)
    assert [text.split(" (1 x 8 x 8: channels")[0] for text in said] == [message] * bool(message)


def sized(*shapes: tuple[int, ...], count: int = 6) -> list[bytes]:
    random = np.random.default_rng(1)
    return [
        write_raw(random.integers(0, 256, shapes[n % len(shapes)]).astype(np.uint8), n % 3)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("records", "transform", "message"),
    [
        (
            sized((3, 8, 8), (3, 9, 8)),
            "",
            "SSDH113 the records of lmdb differ in size: '00000000' is 3 x 8 x 8, '00000001' is "
            "3 x 9 x 8, and a batch of 2 has one size\n"
            "hint: build it with --resize WxH, or set crop_size",
        ),
        (sized((3, 8, 8), (3, 9, 8)), "crop_size: 8", None),
        (
            sized((3, 8, 8), (3, 9, 8)),
            "crop_size: 9",
            "SSDH113 '00000000' is 3 x 8 x 8 in lmdb, smaller than crop_size: 9\n"
            "hint: build it with --resize, or set a crop_size of at most 8",
        ),
        (
            sized((3, 8, 8), (1, 8, 8)),
            "crop_size: 8",
            "SSDH113 the records of lmdb differ in their channels: '00000000' is 3 x 8 x 8, "
            "'00000001' is 1 x 8 x 8\n"
            "hint: build it again from one list, with the same options for all images",
        ),
        (
            encoded(3) + encoded(3, ".jpg", 8, 8, 3),
            "",
            "SSDH113 the records of lmdb differ in their channels: '00000000' is 1 x 8 x 8, "
            "'00000003' is 3 x 8 x 8\n"
            "hint: transform_param { force_color: true } reads all of them in color",
        ),
        (encoded(3) + encoded(3, ".jpg", 8, 8, 3), "force_color: true", None),
        (encoded(3) + encoded(3, ".jpg", 8, 8, 3), "force_gray: true", None),
        (
            encoded(3) + encoded(3, ".jpg", 8, 9, 3),
            "force_color: true",
            "SSDH113 the records of lmdb differ in size: '00000000' is 3 x 8 x 8, '00000003' is "
            "3 x 8 x 9, and a batch of 2 has one size\n"
            "hint: build it with --resize WxH, or set crop_size",
        ),
    ],
)
def test_sizes(records: list[bytes], transform: str, message: str | None) -> None:
    write_lmdb("lmdb", records)
    net = data_layer("lmdb", more=f"transform_param {{ {transform} }}") + classifier(3)
    assert texts(net) == ([message] if message else [])


def test_a_batch_of_one_may_have_any_size() -> None:
    write_lmdb("lmdb", sized((3, 8, 8), (3, 9, 8)))
    net = data_layer("lmdb").replace("batch_size: 2", "batch_size: 1") + classifier(3)
    assert texts(net) == []


def test_a_mean_file_has_one_size(tmp_path: Path) -> None:
    write_lmdb("lmdb", sized((3, 9, 9), (3, 8, 9)))
    write_mean_file(tmp_path / "mean", np.zeros((3, 9, 9), np.float32))
    net = data_layer("lmdb", more='transform_param { crop_size: 8 mean_file: "mean" }')
    assert any(
        "and the mean file 'mean' has one size" in text for text in texts(net + classifier(3))
    )


def test_images_of_sixteen_bits() -> None:
    deep = bytes(cv2.imencode(".png", np.zeros((8, 8), np.uint16))[1].tobytes())
    write_lmdb("lmdb", [write_encoded(deep, each % 3) for each in range(4)])
    (text,) = texts(NET)
    assert text.startswith("SSDH113 record '00000000' of lmdb is an image of 16 bits per channel")
    assert (
        texts(data_layer("lmdb", more="transform_param { force_gray: true }") + classifier(3)) == []
    )


@pytest.mark.parametrize(
    ("shape", "is_doubtful"),
    [
        ((32, 24, 3), True),
        ((28, 28, 1), True),
        ((3, 32, 24), False),
        ((4096, 1, 1), False),
        ((256, 6, 6), False),
        ((64, 4, 4), False),
    ],
)
def test_height_width_channels(shape: tuple[int, int, int], is_doubtful: bool) -> None:
    write_lmdb("lmdb", sized(shape))
    assert [each.code for each in found(NET)] == ["SSDH115"] * is_doubtful


def test_raw_pixels_beside_images() -> None:
    write_lmdb("lmdb", [*sized((1, 8, 8)), *encoded(3)])
    (finding,) = found(NET)
    assert (finding.code, finding.severity) == ("SSDH114", "info")
    assert "3 of 9 records of lmdb are encoded images (first: key '00000006')" in finding.message


def test_training_data_class_by_class() -> None:
    labels = sorted(number % 3 for number in range(120))
    write_lmdb("lmdb", labelled(labels))
    assert texts(NET) == [
        "SSDH117 the records of lmdb come class by class: 120 records of 3 labels are 3 runs of "
        "one label, and a batch has 2\n"
        "hint: build it again in random order: ssdh data build LIST FOLDER --shuffle"
    ]


@pytest.mark.parametrize(
    "labels",
    [
        [number % 3 for number in range(120)],
        [int(each) for each in np.random.default_rng(0).permutation(sorted([0, 1, 2] * 40))],
        # Hardly anything but one class: shuffled data have few runs as well.
        [0] * 110 + [1] + [0] * 5 + [2] + [0] * 10,
        sorted([0, 1, 2] * 8),
    ],
    ids=["in turn", "shuffled", "one class", "small"],
)
def test_an_order_that_is_fine(labels: list[int]) -> None:
    write_lmdb("lmdb", labelled(labels))
    assert texts(NET) == []


def test_the_order_of_test_data_does_not_matter() -> None:
    write_lmdb("lmdb", labelled([number % 3 for number in range(120)]))
    write_lmdb("test", labelled(sorted(number % 3 for number in range(60)), (1, 2, 3)))
    net = data_layer("lmdb") + data_layer("test", "TEST") + classifier(3)
    assert "SSDH117" not in [each.code for each in found(net, TESTED)]


def test_a_batch_as_large_as_the_data_has_all_classes() -> None:
    write_lmdb("lmdb", labelled(sorted(number % 3 for number in range(120))))
    large = NET.replace("batch_size: 2", "batch_size: 120")
    assert texts(large) == []


def test_a_database_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Once in a check, and once until it changes where that takes long."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(databases, "_LONG", -1.0)
    write_lmdb("lmdb", labelled([0, 1, 2] * 1000))
    calls: list[tuple[str, int, int]] = []

    def scan() -> int:
        return Databases(lambda *call: calls.append(call)).scan(Path("lmdb")).records

    monkeypatch.setattr("ssdh_surgery.data.record_scan._STEPS", 1000)
    assert scan() == 3000
    assert calls == [("records of lmdb", done, 3000) for done in (1000, 2000, 3000)]
    assert scan() == 3000
    assert len(calls) == 3
    Path("lmdb").rename("old")
    write_lmdb("lmdb", labelled([0, 1] * 1000))
    assert scan() == 2000
    assert len(calls) == 5


def test_images_are_not_decoded_and_no_engine_is_imported() -> None:
    """Their sizes come from their headers."""
    write_lmdb("lmdb", encoded(9, ".jpg", 8, 8, 3))
    Path("net.prototxt").write_text(NET)
    script = (
        "import sys; from ssdh_surgery.cli import run; "
        "code = run(['check', 'net.prototxt']); "
        "heavy = {'cv2', 'torch', 'faiss', 'onnx', 'h5py', 'scipy', 'rich'} & set(sys.modules); "
        "print(code, heavy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 set()\n"
