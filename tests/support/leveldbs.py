"""LevelDBs written by LevelDB's own library."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import plyvel


def open_leveldb(path: Path | str, **options: Any) -> Any:
    """A LevelDB, open for writing."""
    return plyvel.DB(str(path), create_if_missing=True, **options)


def write_leveldb(
    path: Path | str, records: Iterable[bytes], *, is_compact: bool = False, **options: Any
) -> None:
    """A LevelDB of records with numbers for keys, in one batch, as `convert_imageset` writes it.

    A small one is a log only; a compact one is tables.
    """
    shutil.rmtree(path, ignore_errors=True)
    database = open_leveldb(path, **options)
    with database.write_batch() as batch:
        for number, record in enumerate(records):
            batch.put(f"{number:08d}".encode(), record)
    if is_compact:
        database.compact_range()
    database.close()
