"""Writing LMDBs that are whole or not there."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lmdb
import pytest

from ssdh_surgery.data import lmdb_writer
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.errors import DataError, FileError


def records(path: Path) -> list[tuple[bytes, bytes]]:
    with (
        lmdb.open(str(path), readonly=True, lock=False) as env,
        env.begin() as transaction,
        transaction.cursor() as cursor,
    ):
        return list(cursor.iternext())


def write_and_stop(path: Path, items: list[tuple[bytes, bytes]], **options: Any) -> None:
    """Commit all items but the last, put that, and be interrupted."""
    with LmdbWriter(path, **options) as writer:
        for i, (key, record) in enumerate(items):
            if i == len(items) - 1:
                writer.commit()
            writer.put(key, record)
        raise KeyboardInterrupt


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """As on a full disk: writing behind `size` bytes of a file fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_it_is_there_when_it_is_whole(tmp_path: Path) -> None:
    with LmdbWriter(tmp_path / "lmdb") as writer:
        writer.put(b"1", b"one")
        writer.put(b"2", bytearray(b"two"))
        assert not (tmp_path / "lmdb").exists()
    assert names(tmp_path) == ["lmdb"]
    assert names(tmp_path / "lmdb") == ["data.mdb", "lock.mdb"]
    assert records(tmp_path / "lmdb") == [(b"1", b"one"), (b"2", b"two")]


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_and_stop(tmp_path / "lmdb", [(b"1", b"one"), (b"2", b"two")])
    assert names(tmp_path) == []


def test_the_map_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lmdb_writer, "_FIRST_MAP_SIZE", 1 << 16)
    expected = [(b"%04d" % i, bytes([i % 256]) * 10_000) for i in range(500)]
    with LmdbWriter(tmp_path / "lmdb") as writer:
        for i, (key, record) in enumerate(expected):
            writer.put(key, record)
            if i % 7 == 0:
                writer.commit()
    assert records(tmp_path / "lmdb") == expected


def test_what_is_there_is_replaced_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "lmdb"
    with LmdbWriter(path) as writer:
        writer.put(b"1", b"one")
    with pytest.raises(FileError) as caught:
        LmdbWriter(path)
    assert str(caught.value) == f"{path}: exists already\nhint: --force replaces it"
    with LmdbWriter(path, replace=True) as writer:
        writer.put(b"2", b"two")
        assert records(path) == [(b"1", b"one")]
    assert records(path) == [(b"2", b"two")]
    assert names(tmp_path) == ["lmdb"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_nothing_but_an_lmdb_is_ever_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "photos"
    if kind == "folder":
        path.mkdir()
        (path / "a.jpg").touch()
        (path / "data.mdb").touch()
    else:
        path.touch()
    for replace in (True, False):
        with pytest.raises(FileError) as caught:
            LmdbWriter(path, replace=replace)
        assert str(caught.value) == f"{path}: exists, is not an LMDB, and is left unchanged"


def test_a_link_to_an_lmdb_stays_a_link(tmp_path: Path) -> None:
    with LmdbWriter(tmp_path / "real") as writer:
        writer.put(b"1", b"one")
    (tmp_path / "link").symlink_to("real")
    with LmdbWriter(tmp_path / "link", replace=True) as writer:
        writer.put(b"2", b"two")
    assert (tmp_path / "link").is_symlink()
    assert records(tmp_path / "real") == [(b"2", b"two")]


def test_an_unfinished_one_is_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "lmdb"
    with pytest.raises(KeyboardInterrupt):
        write_and_stop(path, [(b"1", b"one"), (b"2", b"lost")], resume=True, recipe="a")
    assert names(tmp_path) == [".lmdb.partial"]
    with LmdbWriter(path, resume=True, recipe="a") as writer:
        assert (writer.records, writer.last_key) == (1, b"1")
        writer.put(b"2", b"two")
        assert writer.records == 2
    assert records(path) == [(b"1", b"one"), (b"2", b"two")]
    assert names(path) == ["data.mdb", "lock.mdb"]
    assert names(tmp_path) == ["lmdb"]


def test_two_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "lmdb"
    with LmdbWriter(path) as writer:
        writer.put(b"1", b"one")
        for resume in (False, True):
            with pytest.raises(FileError) as caught:
                LmdbWriter(path, resume=resume)
            assert str(caught.value) == (
                f"{path}: is being written by another ssdh process\n"
                "hint: wait for it, or write to another path"
            )
    assert records(path) == [(b"1", b"one")]
    assert names(tmp_path) == ["lmdb"]


def test_another_recipe_is_not_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "lmdb"
    with pytest.raises(KeyboardInterrupt):
        write_and_stop(path, [(b"1", b"one"), (b"2", b"two")], resume=True, recipe="a")
    with pytest.raises(DataError) as caught:
        LmdbWriter(path, resume=True, recipe="b")
    assert str(caught.value) == (
        f"{path}: the unfinished LMDB was started with another list or other options\n"
        "hint: leave out --resume to start again"
    )
    with LmdbWriter(path, recipe="b") as writer:
        writer.put(b"3", b"three")
    assert records(path) == [(b"3", b"three")]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lmdb"
    items = [(b"%04d" % i, bytes(10_000)) for i in range(5000)]
    with largest_file(1 << 20), pytest.raises(FileError) as caught:
        write_and_stop(path, items)
    assert str(caught.value) == (
        f"{path}: cannot write: mdb_txn_commit: Input/output error\nhint: the disk may be full"
    )
    assert names(tmp_path) == []


def test_a_disk_that_fills_at_the_end_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lmdb"
    writer = LmdbWriter(path)
    writer.put(b"1", bytes(1 << 19))
    with largest_file(1 << 16), pytest.raises(FileError):
        writer.finish()
    assert names(tmp_path) == []


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "no" / "lmdb"
    with pytest.raises(FileError) as caught:
        LmdbWriter(path)
    assert str(caught.value) == f"{path}: cannot write: no such folder"


def test_a_folder_that_lmdb_cannot_make_is_an_error_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lmdb"

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(lmdb, "open", refuse)
    with pytest.raises(FileError) as caught:
        LmdbWriter(path)
    assert str(caught.value).startswith(f"{path}: cannot write: ")
    assert names(tmp_path) == []
