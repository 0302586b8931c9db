"""The databases that a check reads: each is scanned once, and long scans are remembered."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ssdh_surgery.data.datum import read_header
from ssdh_surgery.data.leveldb.store import LevelDbStore, is_leveldb
from ssdh_surgery.data.lmdb_open import data_file
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.record_scan import RecordScan, scan_records
from ssdh_surgery.data.record_store import RecordStore
from ssdh_surgery.data.scan_cache import Identity, identity_of, remember, remembered
from ssdh_surgery.errors import SsdhError, file_errors
from ssdh_surgery.names import printable

# Called with what is read, the number of records that are done, and of all if that is known.
Progress = Callable[[str, int, int | None], None]
# A scan that takes longer is remembered.
_LONG = 0.2
# Of a larger LevelDB only so many bytes are read: all of its blocks would have to be unpacked.
_LEVELDB_PART = 256 << 20


class Databases:
    """Reads databases once; `progress` is called now and then."""

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._scans: dict[str, RecordScan | SsdhError] = {}

    def scan(self, path: Path) -> RecordScan:
        """What the records of a database hold.

        Raises:
            DataError, FileError: it cannot be read.
        """
        name = os.path.realpath(path)
        if name not in self._scans:
            try:
                self._scans[name] = self._scan(path)
            except SsdhError as error:
                self._scans[name] = error
        scan = self._scans[name]
        if isinstance(scan, SsdhError):
            raise scan
        return scan

    def record(self, path: Path, number: int) -> tuple[str, bytes]:
        """The key of a record, and its pixels or its encoded image.

        Raises:
            DataError, FileError: it cannot be read.
        """
        with LevelDbStore(path, _LEVELDB_PART) if is_leveldb(path) else LmdbStore(path) as store:
            key, record = next(store.items(number))
        begin, stop = read_header(record).data
        return printable(key), record[begin:stop]

    def _scan(self, path: Path) -> RecordScan:
        return self._scan_leveldb(path) if is_leveldb(path) else self._scan_lmdb(path)

    def _scan_lmdb(self, path: Path) -> RecordScan:
        file = data_file(path)
        with LmdbStore(path) as store:
            identity = identity_of(path, [file], store.last_transaction)
            return self._scan_store(store, identity, len(store), os.path.getsize(file))

    def _scan_leveldb(self, path: Path) -> RecordScan:
        with LevelDbStore(path, _LEVELDB_PART) as store, file_errors(path, "read"):
            identity = identity_of(path, [path / "CURRENT", *store.files])
            scan = self._scan_store(store, identity, None, store.size)
        scan.is_complete = not store.is_partial
        return scan

    def _scan_store(
        self, store: RecordStore, identity: Identity, count: int | None, size: int
    ) -> RecordScan:
        """Scan a database, or remember how that went."""
        scan = remembered(identity)
        if scan is None:
            began = time.monotonic()
            scan = scan_records(store.views(), count, size, self._of(store.path))
            if time.monotonic() - began > _LONG:
                remember(identity, scan)
        return scan

    def _of(self, path: Path) -> Callable[[int, int | None], None] | None:
        if self._progress is None:
            return None
        progress = self._progress
        return lambda count, total: progress(f"records of {path}", count, total)
