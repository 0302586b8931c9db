"""Means of LMDBs and of lists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ssdh_surgery.data.build import build, read_source
from ssdh_surgery.data.compute_mean import database_mean, list_mean
from ssdh_surgery.data.datum import write_encoded, write_raw
from ssdh_surgery.data.image import encode
from ssdh_surgery.data.record import RecordOptions
from ssdh_surgery.errors import DataError


@pytest.fixture
def listed(tmp_path: Path, picture: Callable[..., NDArray]) -> Path:
    for i in range(5):
        (tmp_path / f"{i}.png").write_bytes(encode(picture(i, 20, 30), "png"))
    (tmp_path / "list.txt").write_text("".join(f"{i}.png {i}\n" for i in range(5)))
    return tmp_path


@pytest.mark.parametrize("gray", [False, True], ids=["color", "gray"])
def test_a_list_has_the_mean_of_its_lmdb(listed: Path, gray: bool) -> None:
    told: list[tuple[int, int]] = []
    options = RecordOptions(size=(8, 7), gray=gray)
    build(listed / "list.txt", listed / "out", options, root=listed)
    from_lmdb = database_mean(listed / "out", progress=lambda *done: told.append(done))
    from_list = list_mean(read_source(listed / "list.txt", listed), size=(8, 7), gray=gray)
    assert from_lmdb.values.shape == (1 if gray else 3, 7, 8)
    assert (from_lmdb.records, from_list.records) == (5, 5)
    np.testing.assert_array_equal(from_lmdb.values, from_list.values)
    assert told == [(i, 5) for i in range(1, 6)]


def test_encoded_records_are_decoded(
    make_lmdb: Callable[..., Path], picture: Callable[..., NDArray]
) -> None:
    images = [picture(i, 5, 6) for i in range(4)]
    path = make_lmdb(
        (b"%d" % i, write_encoded(encode(image, "png"), 0)) for i, image in enumerate(images)
    )
    expected = np.mean(images, axis=0).transpose(2, 0, 1)
    np.testing.assert_allclose(database_mean(path).values, expected, rtol=1e-6)


def test_records_of_two_sizes_have_no_mean(make_lmdb: Callable[..., Path]) -> None:
    shapes = [(1, 2, 3), (1, 3, 2)]
    path = make_lmdb((b"%d" % i, write_raw(np.zeros(s, np.uint8), 0)) for i, s in enumerate(shapes))
    with pytest.raises(DataError) as caught:
        database_mean(path)
    assert str(caught.value) == (
        f"{path}: image 2 is 1 x 3 x 2 (channels x height x width), the first 1 x 2 x 3: "
        "a mean needs one size\n"
        "hint: resize the images when building the LMDB, or use mean values"
    )


def test_a_damaged_record_is_named(make_lmdb: Callable[..., Path]) -> None:
    path = make_lmdb([(b"a", write_encoded(b"", 0))])
    with pytest.raises(DataError) as caught:
        database_mean(path)
    assert str(caught.value) == (f"{path}: record 'a': cannot be decoded: the file is empty")


def test_bad_pictures_of_a_list_are_told_together(listed: Path) -> None:
    (listed / "1.png").write_bytes(b"")
    (listed / "2.png").unlink()
    images = read_source(listed / "list.txt", listed)
    with pytest.raises(DataError) as caught:
        list_mean(images)
    path = listed / "list.txt"
    assert str(caught.value) == (
        f"{path}: no mean was computed: some images cannot be used\n"
        f"{path}:3: error SSDH601 missing-picture: 1 line with images that do not exist\n"
        "    line 3: '2.png'\n"
        "hint: paths are relative to the root folder (--root)\n"
        f"{path}:2: error SSDH602 unreadable-picture: 1 line with images that cannot be read\n"
        "    line 2: '1.png': cannot be decoded: the file is empty"
    )
