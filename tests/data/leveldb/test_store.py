"""LevelDBs as ours reads them, against LevelDB itself, and damaged ones."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery.data.leveldb.snappy import decompress
from ssdh_surgery.data.leveldb.store import LevelDbStore, is_leveldb
from ssdh_surgery.errors import DataError
from support.leveldbs import open_leveldb, write_leveldb


def items(path: Path) -> list[tuple[bytes, bytes]]:
    with LevelDbStore(path) as store:
        return list(store.items())


def fill(database: Any, seed: int, count: int = 3000) -> None:
    """Values that are replaced and deleted, compressible or not."""
    chance = random.Random(seed)
    for number in range(count):
        key = b"%06d" % chance.randrange(count)
        if chance.random() < 0.2:
            database.delete(key)
        else:
            database.put(
                key, chance.randbytes(chance.randrange(60)) + b"abc" * chance.randrange(99)
            )
        if number == count // 2:
            database.compact_range()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"write_buffer_size": 100_000},
        {"write_buffer_size": 100_000, "compression": None, "block_size": 500},
        {"write_buffer_size": 70_000, "block_size": 65536, "max_file_size": 1 << 20},
    ],
    ids=["log", "tables", "plain", "large blocks"],
)
def test_it_holds_what_leveldb_reads(tmp_path: Path, options: dict[str, Any]) -> None:
    path = tmp_path / "level"
    for seed in range(3):
        database = open_leveldb(path, **options)
        fill(database, seed)
        expected = list(database.iterator())
        database.close()
        assert items(path) == expected
        assert len(LevelDbStore(path)) == len(expected)


def test_nothing_is_written_and_nothing_is_locked(tmp_path: Path) -> None:
    """Even while another process, or Caffe in this one, has it open."""
    path = tmp_path / "level"
    write_leveldb(path, [b"a", b"b"])
    database = open_leveldb(path)
    before = {file: (path / file).stat().st_mtime_ns for file in os.listdir(path)}
    assert [value for _, value in items(path)] == [b"a", b"b"]
    assert {file: (path / file).stat().st_mtime_ns for file in os.listdir(path)} == before
    database.close()


def test_a_part_of_a_large_one(tmp_path: Path) -> None:
    path = tmp_path / "level"
    write_leveldb(path, [random.Random(n).randbytes(500) for n in range(4000)])
    database = open_leveldb(path)
    database.compact_range()
    database.close()
    whole = items(path)
    with LevelDbStore(path, limit=300_000) as store:
        assert store.is_partial
        part = list(store.items())
    assert 400 < len(part) < 800
    assert set(part) < set(whole)
    assert part[-1][0] > b"00003000"
    assert not LevelDbStore(path, limit=3_000_000).is_partial


def test_an_empty_one(tmp_path: Path) -> None:
    write_leveldb(tmp_path / "level", [])
    with pytest.raises(DataError, match="contains no records"):
        items(tmp_path / "level")


def test_what_a_killed_writer_left_incomplete_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "level"
    database = open_leveldb(path)
    database.put(b"0", b"x" * 100)
    database.put(b"1", b"y" * 100)
    database.close()
    (log,) = path.glob("*.log")
    os.truncate(log, log.stat().st_size - 10)
    assert [key for key, _ in items(path)] == [b"0"]


def test_a_missing_table(tmp_path: Path) -> None:
    path = tmp_path / "level"
    write_leveldb(path, [b"a" * 100] * 100, write_buffer_size=1 << 16)
    database = open_leveldb(path)
    database.compact_range()
    database.close()
    (table,) = path.glob("*.ldb")
    table.unlink()
    with pytest.raises(DataError, match=f"the table {table.stem}.ldb is missing"):
        items(path)


def test_damage_is_an_error_and_never_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "level"
    write_leveldb(path, [b"abcd" * n for n in range(300)])
    database = open_leveldb(path)
    database.compact_range()
    database.put(b"new", b"value" * 50)
    database.close()
    chance = random.Random(4)
    refused = 0
    files = [file for file in path.iterdir() if file.suffix in (".ldb", ".log", "")]
    for file in files:
        if file.name in ("LOCK", "LOG", "LOG.old"):
            continue
        whole = file.read_bytes()
        for _ in range(150):
            changed = bytearray(whole)
            for _ in range(chance.randrange(1, 4)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            file.write_bytes(
                changed[: chance.randrange(len(changed))] if chance.random() < 0.3 else changed
            )
            with contextlib.suppress(DataError):
                items(path)
                refused -= 1
            refused += 1
        file.write_bytes(whole)
    assert refused > 100


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert not is_leveldb(tmp_path)
    with pytest.raises(DataError, match="not a LevelDB"):
        LevelDbStore(tmp_path)
    (tmp_path / "CURRENT").write_text("../../etc/passwd\n")
    with pytest.raises(DataError, match="CURRENT names"):
        LevelDbStore(tmp_path)


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"\x05\x10hello", b"hello"),
        (b"\x0a\x04ab\x1e\x02\x00", b"ababababab"),  # a copy that repeats what it writes
        (b"\x06\x04ab\x01\x02", b"ababab"),
        (b"\x3d\xf0\x3c" + b"x" * 61, b"x" * 61),  # a literal whose length has a byte of its own
    ],
)
def test_snappy(data: bytes, content: bytes) -> None:
    assert decompress(data) == content
