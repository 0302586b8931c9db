"""The databases that a check reads: each is scanned once, and long scans are remembered."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from ssdh_surgery.data.datum import read_header
from ssdh_surgery.data.lmdb_open import data_file
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.record_scan import RecordScan, scan_records
from ssdh_surgery.data.scan_cache import identity_of, remember, remembered
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.names import printable

# Called with what is read, the number of records that are done, and of all.
Progress = Callable[[str, int, int], None]
# A scan that takes longer is remembered.
_LONG = 0.2


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
        with LmdbStore(path) as store:
            key, record = next(store.items(number))
        begin, stop = read_header(record).data
        return printable(key), record[begin:stop]

    def _scan(self, path: Path) -> RecordScan:
        file = data_file(path)
        with LmdbStore(path) as store:
            identity = identity_of(path, [file], store.last_transaction)
            scan = remembered(identity)
            if scan is None:
                began = time.monotonic()
                scan = scan_records(
                    store.views(), len(store), os.path.getsize(file), self._of(path)
                )
                if time.monotonic() - began > _LONG:
                    remember(identity, scan)
        return scan

    def _of(self, path: Path) -> Callable[[int, int], None] | None:
        if self._progress is None:
            return None
        progress = self._progress
        return lambda count, total: progress(f"records of {path}", count, total)
