"""Open a database of either kind that a Data layer reads: LMDB or LevelDB."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.data.datum import Shape
from ssdh_surgery.data.leveldb.store import LevelDbStore, is_leveldb
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.record_store import RecordStore


def is_database(path: Path) -> bool:
    """Whether a folder is an LMDB or a LevelDB."""
    return (path / "data.mdb").exists() or is_leveldb(path)


def open_records(path: Path | str) -> RecordStore:
    """The records of an LMDB or a LevelDB.

    Raises:
        DataError: it is missing, empty or damaged.
        FileError: a file cannot be read.
    """
    return LevelDbStore(path) if is_leveldb(path) else LmdbStore(path)


def common_shape(path: Path | str, limit: int) -> Shape | None:
    """(channels, height, width) of the first `limit` records of a database, None if they differ.

    Raises:
        DataError, FileError: it cannot be read, or a record is not a Datum.
        MissingExtra: there are encoded records and OpenCV is not installed.
    """
    with open_records(path) as store:
        return store.scan_shapes(limit).common
