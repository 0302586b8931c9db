"""From lists and folders of pictures to LMDBs, whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ssdh_surgery.data.build import build, read_source
from ssdh_surgery.data.build_job import record_order
from ssdh_surgery.data.build_paths import split_paths
from ssdh_surgery.data.class_names import ClassNames
from ssdh_surgery.data.image import encode, planar, read_image
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.record import RecordOptions
from ssdh_surgery.errors import DataError, FileError

pytestmark = pytest.mark.usefixtures("default_signals")

SMALL = RecordOptions(size=(16, 12))


@pytest.fixture
def folder(tmp_path: Path, picture: Callable[..., NDArray]) -> Path:
    """Twelve pictures, `pictures/00.jpg` and so on, and `list.txt` of them, labels 0 to 2."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(12):
        (pictures / f"{i:02}.jpg").write_bytes(encode(picture(i, 24, 32 + i % 2), "jpg"))
    lines = [f"{i:02}.jpg {i % 3}\n" for i in range(12)]
    (tmp_path / "list.txt").write_text("".join(lines))
    return tmp_path


def make(folder: Path, options: RecordOptions = SMALL, name: str = "out", **more: object):  # type: ignore[no-untyped-def]
    return build(folder / "list.txt", folder / name, options, root=folder / "pictures", **more)  # type: ignore[arg-type]


def keys(path: Path) -> list[bytes]:
    with LmdbStore(path) as store:
        return store.keys()


def items(path: Path) -> list[tuple[bytes, bytes]]:
    with LmdbStore(path) as store:
        return list(store.items())


def left_in(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name not in ("pictures", "list.txt"))


def test_records_hold_the_pictures_in_the_order_of_the_list(folder: Path) -> None:
    told: list[tuple[int, int]] = []
    summary = make(folder, progress=lambda done, total: told.append((done, total)))
    assert summary.records == {folder / "out": 12}
    assert summary.shapes == {(3, 12, 16): 12}
    assert (summary.skipped, summary.findings, summary.labels_file) == (0, (), None)
    assert told == [(i, 12) for i in range(1, 13)]
    assert keys(folder / "out") == [b"%08d_%02d.jpg" % (i, i) for i in range(12)]
    with LmdbStore(folder / "out") as store:
        for i, (_, datum) in enumerate(store.records()):
            expected = read_image(folder / "pictures" / f"{i:02}.jpg", size=(16, 12))
            np.testing.assert_array_equal(datum.pixels(), planar(expected))
            assert (datum.label, datum.encoded) == (i % 3, False)


def test_threads_change_nothing(folder: Path) -> None:
    for threads in (1, 5):
        make(folder, name=f"out{threads}", threads=threads)
    assert items(folder / "out1") == items(folder / "out5")


def test_encoded_records_hold_the_files(folder: Path) -> None:
    make(folder, RecordOptions(encoded=True))
    with LmdbStore(folder / "out") as store:
        for i, (_, datum) in enumerate(store.records()):
            assert datum.data == (folder / "pictures" / f"{i:02}.jpg").read_bytes()
            assert (datum.label, datum.encoded) == (i % 3, True)


def test_pictures_of_several_sizes_are_a_warning(folder: Path) -> None:
    summary = make(folder, RecordOptions())
    assert [str(finding) for finding in summary.findings] == [
        f"{folder / 'list.txt'}: warning SSDH618 several-sizes: the images differ in size\n"
        "    6 of 3 x 24 x 32\n"
        "    6 of 3 x 24 x 33\n"
        "hint: all images of a batch need one size: resize them, or crop them in the net"
    ]


def test_a_shuffled_list_is_numbered_anew(folder: Path) -> None:
    orders = []
    for seed in (1, 1, 2):
        options = RecordOptions(size=(16, 12), shuffle=True, seed=seed)
        make(folder, options, replace=True)
        orders.append(keys(folder / "out"))
    assert orders[0] == orders[1] != orders[2]
    assert [key[:9] for key in orders[0]] == [b"%08d_" % i for i in range(12)]
    assert sorted(key[9:] for key in orders[0]) == [b"%02d.jpg" % i for i in range(12)]
    images = read_source(folder / "list.txt", folder / "pictures")
    listed = record_order(images, RecordOptions(shuffle=True, seed=1))
    assert [b"%08d_%s" % (i, entry.path.encode()) for i, entry in listed] == orders[0]


def test_a_split_parts_by_content(folder: Path) -> None:
    for i in range(12):
        copy = folder / "pictures" / f"copy{i:02}.jpg"
        copy.write_bytes((folder / "pictures" / f"{i:02}.jpg").read_bytes())
    with open(folder / "list.txt", "a") as file:
        file.writelines(f"copy{i:02}.jpg {i % 3}\n" for i in range(12))
    summary = make(folder, RecordOptions(size=(16, 12), split=0.7), name="faces_lmdb")
    train, test = folder / "faces_train_lmdb", folder / "faces_test_lmdb"
    assert list(summary.records) == [train, test]
    assert sum(summary.records.values()) == 24
    records = {path: {record for _, record in items(path)} for path in (train, test)}
    assert len(records[train]) + len(records[test]) == 12
    assert not records[train] & records[test]
    assert sorted(keys(train) + keys(test)) == [
        *(b"%08d_%02d.jpg" % (i, i) for i in range(12)),
        *(b"%08d_copy%02d.jpg" % (12 + i, i) for i in range(12)),
    ]


def test_the_names_of_a_split() -> None:
    assert split_paths(Path("d/lmdb")) == {
        "train": Path("d/lmdb_train"),
        "test": Path("d/lmdb_test"),
    }
    assert split_paths(Path("a_lmdb"))["test"] == Path("a_test_lmdb")


def test_a_side_without_pictures_is_refused(folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        make(folder, RecordOptions(split=1e-9))
    assert str(caught.value) == f"{folder / 'list.txt'}: no image is left for the train side"
    assert left_in(folder) == []


def test_class_folders_become_labels(folder: Path) -> None:
    for i in range(12):
        name = ("dog", "cat", "Zebra")[i % 3]
        (folder / "pictures" / name).mkdir(exist_ok=True)
        (folder / "pictures" / f"{i:02}.jpg").rename(folder / "pictures" / name / f"{i:02}.jpg")
    summary = build(folder / "pictures", folder / "out", SMALL)
    assert summary.labels_file == folder / "labels.txt"
    assert (folder / "labels.txt").read_text() == "Zebra\ncat\ndog\n"
    assert keys(folder / "out")[:5] == [
        *(b"%08d_Zebra/%02d.jpg" % (i, 3 * i + 2) for i in range(4)),
        b"00000004_cat/01.jpg",
    ]
    with LmdbStore(folder / "out") as store:
        assert store.scan_labels().histogram == {0: 4, 1: 4, 2: 4}
    (folder / "labels.txt").write_text("mine\n")
    with pytest.raises(FileError) as caught:
        build(folder / "pictures", folder / "other", SMALL, numbering=ClassNames())
    assert str(caught.value) == (
        f"{folder / 'labels.txt'}: exists already, with other classes\nhint: --force replaces it"
    )
    assert not (folder / "other").exists()
    build(folder / "pictures", folder / "other", SMALL, numbering=ClassNames(), replace=True)
    assert (folder / "labels.txt").read_text() == "Zebra\ncat\ndog\n"


def test_class_folders_take_the_labels_that_exist(folder: Path) -> None:
    for i in range(12):
        name = ("dog", "cat", "Zebra", "dog")[i % 4]
        (folder / "train" / name).mkdir(exist_ok=True, parents=True)
        (folder / "pictures" / f"{i:02}.jpg").rename(folder / "train" / name / f"{i:02}.jpg")
    shutil.copytree(folder / "train" / "dog", folder / "test" / "dog")
    build(folder / "train", folder / "out", SMALL)
    # A class that is missing does not move the others, however the LMDB is written.
    for replace in (False, True):
        build(folder / "test", folder / "test_lmdb", SMALL, replace=replace)
        with LmdbStore(folder / "test_lmdb") as store:
            assert store.scan_labels().histogram == {2: 6}
        assert (folder / "labels.txt").read_text() == "Zebra\ncat\ndog\n"
    (folder / "test" / "empty").mkdir()
    build(folder / "test", folder / "test_lmdb", SMALL, replace=True)
    shutil.copytree(folder / "train" / "cat", folder / "test" / "Cat")
    names = folder / "labels.txt"
    for replace in (False, True):
        with pytest.raises(DataError) as caught:
            build(folder / "test", folder / "test_lmdb", SMALL, replace=replace)
        assert str(caught.value) == (
            f"{folder / 'test'}: {names} does not name the class 'Cat'\n"
            f"hint: did you mean 'cat'? Otherwise, add a line 'Cat' to the end of {names}; "
            "--labels-file none numbers the classes of this folder anew"
        )
    names.write_text("\ufeffZebra\r\ncat\r\ndog\r\nCat\r\n\r\n", newline="")
    build(folder / "test", folder / "test_lmdb", SMALL, replace=True)
    with LmdbStore(folder / "test_lmdb") as store:
        assert store.scan_labels().histogram == {2: 6, 3: 3}
    assert names.read_bytes().endswith(b"Cat\r\n\r\n")


def spoil(folder: Path) -> None:
    """Two bad pictures and two bad lines."""
    pictures = folder / "pictures"
    whole = (pictures / "03.jpg").read_bytes()
    (pictures / "03.jpg").write_bytes(whole[: len(whole) // 2])
    (pictures / "05.jpg").write_bytes(b"")
    text = (folder / "list.txt").read_text()
    (folder / "list.txt").write_text(text.replace("01.jpg 1", "01.jpg").replace("07.", "x7."))


def test_everything_bad_is_told_at_once_and_nothing_is_written(folder: Path) -> None:
    spoil(folder)
    with pytest.raises(DataError) as caught:
        make(folder)
    path = folder / "list.txt"
    assert str(caught.value) == (
        f"{path}: 4 of 12 images cannot be used; nothing was written\n"
        "hint: --skip-bad leaves them out\n"
        f"{path}:8: error SSDH601 missing-picture: 1 line with images that do not exist\n"
        "    line 8: 'x7.jpg'\n"
        "hint: paths are relative to the root folder (--root)\n"
        f"{path}:4: error SSDH602 unreadable-picture: 2 lines with images that cannot be read\n"
        "    line 4: '03.jpg': the JPEG is truncated: it has no end marker\n"
        "    line 6: '05.jpg': cannot be decoded: the file is empty\n"
        f"{path}:2: error SSDH603 no-label: 1 line that are not a path and a label\n"
        "    line 2: '01.jpg'\n"
        "hint: a line is: the path, one space, the label"
    )
    assert left_in(folder) == []


def test_what_is_bad_can_be_left_out(folder: Path) -> None:
    good = make(folder, name="good")
    expected = [
        item for item in items(folder / "good") if item[0][9:11] not in (b"01", b"03", b"05", b"07")
    ]
    spoil(folder)
    summary = make(folder, skip_bad=True)
    assert (good.skipped, summary.skipped, summary.records) == (0, 4, {folder / "out": 8})
    assert [finding.name for finding in summary.findings] == [
        "missing-picture",
        "unreadable-picture",
        "no-label",
    ]
    assert items(folder / "out") == expected


def test_nothing_left_is_nothing_written(folder: Path) -> None:
    for file in (folder / "pictures").iterdir():
        file.write_bytes(b"GIF")
    with pytest.raises(DataError) as caught:
        make(folder, skip_bad=True)
    assert caught.value.message == "no image is left"
    assert [finding.name for finding in caught.value.findings] == ["unreadable-picture"]
    assert left_in(folder) == []


def test_what_is_in_the_way_is_found_before_any_work(folder: Path) -> None:
    make(folder)
    before = items(folder / "out")
    with pytest.raises(FileError) as caught:
        make(folder, progress=lambda done, total: pytest.fail("began to work"))
    assert str(caught.value) == f"{folder / 'out'}: exists already\nhint: --force replaces it"
    assert items(folder / "out") == before


@pytest.mark.parametrize("split", [None, 0.5], ids=["one", "split"])
def test_ctrl_c_leaves_nothing(folder: Path, split: float | None) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 7:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        make(folder, RecordOptions(split=split), progress=interrupt)
    assert left_in(folder) == []


@pytest.mark.parametrize("split", [None, 0.5], ids=["one", "split"])
def test_a_killed_build_goes_on(
    tmp_path: Path, picture: Callable[..., NDArray], split: float | None
) -> None:
    for i in range(10):  # 5.4 MB each: some are committed before the kill
        (tmp_path / f"{i}.bmp").write_bytes(encode(np.full((1200, 1500, 3), i, np.uint8), "bmp"))
    (tmp_path / "list.txt").write_text("".join(f"{i}.bmp {i}\n" for i in range(10)))
    code = f"""
import os, signal
from ssdh_surgery.data.build import RecordOptions, build
def kill(done, total):
    if done == 8:
        os.kill(os.getpid(), signal.SIGKILL)
build("list.txt", "out", RecordOptions(split={split}), progress=kill)
"""
    killed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert any(name.endswith(".partial") for name in os.listdir(tmp_path))
    told: list[int] = []
    options = RecordOptions(split=split)
    arguments = {"root": tmp_path, "progress": lambda done, total: told.append(done)}
    resumed = build(tmp_path / "list.txt", tmp_path / "out", options, resume=True, **arguments)  # type: ignore[arg-type]
    assert sum(resumed.records.values()) == 10
    assert resumed.skipped == 0
    whole = build(tmp_path / "list.txt", tmp_path / "whole", options, root=tmp_path)
    for made, again in zip(resumed.records, whole.records, strict=True):
        assert items(made) == items(again)
    assert not any(name.endswith(".partial") for name in os.listdir(tmp_path))
    if split is None:
        assert told[0] > 1, "what was committed is not made again"


def test_names_of_bytes_are_keys_of_bytes(folder: Path) -> None:
    odd = b"caf\xe9 'quoted\" 1.jpg"
    source = folder / "pictures" / "00.jpg"
    os.rename(source, os.path.join(os.fsencode(folder / "pictures"), odd))
    (folder / "list.txt").write_bytes(odd + b" 4\n")
    make(folder)
    assert keys(folder / "out") == [b"00000000_" + odd]


def test_odd_file_names_of_a_folder_are_keys(folder: Path) -> None:
    names = [b"a\nb.jpg", b"caf\xe9.jpg", b'it\'s "x" .jpg']
    cats = folder / "pictures" / "cats"
    cats.mkdir()
    for i, name in enumerate(names):
        source = folder / "pictures" / f"{i:02}.jpg"
        os.rename(source, os.path.join(os.fsencode(cats), name))
    build(folder / "pictures", folder / "out", SMALL)
    assert keys(folder / "out") == [
        b"%08d_cats/%s" % (i, name) for i, name in enumerate(sorted(names))
    ]


def test_a_picture_without_a_kind_cannot_be_encoded(folder: Path) -> None:
    (folder / "pictures" / "00.jpg").rename(folder / "pictures" / "noext")
    (folder / "list.txt").write_text("noext 1\n")
    make(folder, RecordOptions(encoded=True))
    with pytest.raises(DataError) as caught:
        make(folder, RecordOptions(encoded=True, size=(5, 5)), replace=True)
    (finding,) = caught.value.findings
    assert finding.message.endswith(
        "    line 1: 'noext': its name has no extension, so its image format is unknown"
    )
