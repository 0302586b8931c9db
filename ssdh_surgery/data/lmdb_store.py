"""The LMDBs of Caffe's Data layer: records in key order.

Nothing is written to the folder, not even a lock file, so that LMDBs on read-only disks and
those of other users can be read.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssdh_surgery.data.lmdb_open import acquire, forget, release
from ssdh_surgery.data.record_store import RecordStore
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable


class LmdbStore(RecordStore):
    """An LMDB of Datums, open for reading; a context manager.

    Keys and records are copies that outlive it.

    Raises:
        DataError: it is missing, a LevelDB, empty, truncated or damaged.
        FileError: the folder or its file cannot be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._env: Any = acquire(self.path)
        self._when_forgotten = weakref.finalize(self, forget, self._env)
        self._records: int = self._env.stat()["entries"]
        if not self._records:
            self.close()
            raise DataError("the LMDB contains no records", location=Location(str(path)))

    def close(self) -> None:
        """Release the file; iterations that are still running fail."""
        # A loop that is garbage-collected with its store closes it after the finalizer ran.
        if self._when_forgotten.detach():
            release(self._env)
        self._env = None

    def __len__(self) -> int:
        return self._records

    @property
    def last_transaction(self) -> int:
        """The number of the last transaction that wrote to it."""
        number: int = self._env.info()["last_txnid"]
        return number

    def items(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """Key and bytes of each record in key order, starting at the `start`-th."""
        return self._walk(start=start, buffers=False)

    def views(self) -> Iterator[tuple[Any, Any]]:
        """`items` in place: both are valid until the next one."""
        return self._walk(buffers=True)

    def cycle(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """`items` without end: the first record follows the last, as in Caffe."""
        start %= len(self)
        while True:
            yield from self.items(start)
            start = 0

    def get(self, key: bytes) -> bytes | None:
        """The bytes of the record with a key, or None."""
        with self._transaction(buffers=False) as transaction:
            value: bytes | None = transaction.get(key)
        return value

    def _transaction(self, *, buffers: bool) -> Any:
        if self._env is None:
            raise DataError("the LMDB has been closed", location=Location(str(self.path)))
        return self._env.begin(buffers=buffers)

    def _walk(self, start: int = 0, *, buffers: bool) -> Iterator[tuple[Any, Any]]:
        import lmdb

        key = b""
        try:
            with self._transaction(buffers=buffers) as transaction:
                cursor = transaction.cursor()
                if not all(cursor.next() for _ in range(start + 1)):
                    return
                for key, value in cursor.iternext():
                    yield key, value
        except lmdb.Error as error:
            raise DataError(
                f"cannot be read on after the record '{printable(bytes(key))}': {error}",
                location=Location(str(self.path)),
                hint="it is damaged, or in use by a program that writes: 'mdb_copy' can copy it",
            ) from error
