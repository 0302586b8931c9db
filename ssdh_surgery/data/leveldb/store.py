"""A LevelDB of Datums, read as LevelDB would: the newest value of each key, in key order."""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

from ssdh_surgery.caffe.messages.wire import WireError, varint
from ssdh_surgery.data.leveldb.log import Spans, log_records, read_spans
from ssdh_surgery.data.leveldb.manifest import TableFile, live_files
from ssdh_surgery.data.leveldb.table import Table
from ssdh_surgery.data.record_store import RecordStore
from ssdh_surgery.errors import DataError, file_errors
from ssdh_surgery.location import Location

_VALUE = 1
# Sequence number and count at the beginning of a batch of writes.
_BATCH_HEADER = 12

# A key, the negative of its sequence number with its kind, and the value.
_Item = tuple[bytes, int, Any]


def is_leveldb(path: Path | str) -> bool:
    """Whether a folder is a LevelDB."""
    return (Path(path) / "CURRENT").is_file()


class LevelDbStore(RecordStore):
    """A LevelDB; nothing in its folder is written or locked.

    `size` is that of its files in bytes. Of a database larger than `limit` only a part is read:
    every so many blocks of its tables.

    Raises:
        DataError: it is missing, damaged or empty.
        FileError: a file cannot be read.
    """

    def __init__(self, path: Path | str, limit: int | None = None) -> None:
        self.path = Path(path)
        if not is_leveldb(path):
            raise DataError("not a LevelDB", location=Location(str(path)), is_missing=True)
        self._tables, self._logs = live_files(self.path)
        self.files = [*(table.path for table in self._tables), *self._logs]
        with file_errors(self.path, "read"):
            self.size = sum(file.stat().st_size for file in self.files)
            in_tables = sum(table.path.stat().st_size for table in self._tables)
        self._count: int | None = None
        self._step = 1 if limit is None else max(1, -(-in_tables // limit))

    def __len__(self) -> int:
        if self._count is None:
            self._count = sum(1 for _ in self.views())
        return self._count

    def close(self) -> None:
        """Nothing: files are open only while records are read."""

    @property
    def is_partial(self) -> bool:
        """Whether only a part of the records is read."""
        return self._step > 1

    def views(self) -> Iterator[tuple[bytes, Any]]:
        """Key and bytes of each record in key order, both valid until the next one.

        Raises:
            DataError: a file is damaged, or there are no records.
        """
        last: bytes | None = None
        with contextlib.ExitStack() as stack:
            runs = [self._run(tables, stack) for tables in _runs(self._tables)]
            runs += [self._logged(log, stack) for log in self._logs]
            for key, order, value in heapq.merge(*runs, key=itemgetter(0, 1)):
                # The newest value comes first; a key without one was deleted.
                if key != last and -order & 0xFF == _VALUE:
                    yield key, value
                last = key
        if last is None:
            raise DataError("the LevelDB contains no records", location=Location(str(self.path)))

    def _run(self, tables: list[TableFile], stack: contextlib.ExitStack) -> Iterator[_Item]:
        """The entries of tables that follow each other."""
        for file in tables:
            try:
                table = stack.enter_context(Table(file.path))
                for handle in table.handles[:: self._step]:
                    for key, order, value in table.entries(handle):
                        yield key, -order, value
                table.close()
            except WireError as error:
                raise self._damage(file.path, error) from error

    def _logged(self, path: Path, stack: contextlib.ExitStack) -> Iterator[_Item]:
        """What was written to a log, in key order; values are read when it is their turn."""
        with file_errors(path, "read"):
            file = stack.enter_context(open(path, "rb"))  # noqa: SIM115 - closed by the stack
        try:
            batches = list(log_records(file))
            places: list[tuple[bytes, int, int, int, int]] = []
            for number, spans in enumerate(batches):
                places += _writes(read_spans(file, spans), number)
        except WireError as error:
            raise self._damage(path, error) from error
        places.sort(key=itemgetter(0, 1))
        reader = _BatchReader(file, batches)
        for key, order, number, begin, stop in places:
            yield key, order, reader.batch(number)[begin:stop]

    def _damage(self, file: Path, error: WireError) -> DataError:
        return DataError(
            f"damaged LevelDB: {file.name}: {error}", location=Location(str(self.path))
        )


class _BatchReader:
    """Reads the batches of a log, and keeps the last one."""

    def __init__(self, file: BinaryIO, batches: list[Spans]) -> None:
        self._file, self._batches = file, batches
        self._number, self._view = -1, memoryview(b"")

    def batch(self, number: int) -> memoryview:
        """A batch by its number."""
        if number != self._number:
            self._number = number
            self._view = memoryview(read_spans(self._file, self._batches[number]))
        return self._view


def _writes(batch: bytes, number: int) -> Iterator[tuple[bytes, int, int, int, int]]:
    """The writes of a batch: key, order, and where the value is."""
    if len(batch) < _BATCH_HEADER:
        raise WireError("a batch of writes is too short")
    sequence = int.from_bytes(batch[:8], "little")
    at, end = _BATCH_HEADER, len(batch)
    while at < end:
        kind = batch[at]
        size, at = varint(batch, at + 1, end)
        key, at = batch[at : at + size], at + size
        size = 0
        if kind == _VALUE:
            size, at = varint(batch, at, end)
        if at + size > end:
            raise WireError("a batch of writes ends too early")
        yield key, -(sequence << 8 | kind), number, at, at + size
        at += size
        sequence += 1


def _runs(tables: list[TableFile]) -> list[list[TableFile]]:
    """Tables in as few rows as possible, in each of which keys ascend from table to table."""
    runs: list[list[TableFile]] = []
    for table in sorted(tables, key=lambda each: each.smallest):
        run = next((run for run in runs if run[-1].largest < table.smallest), None)
        if run is None:
            runs.append([table])
        else:
            run.append(table)
    return runs
