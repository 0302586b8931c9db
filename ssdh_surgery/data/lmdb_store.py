"""Reading the LMDBs that Caffe's Data layer reads: in key order, or what is in them.

Nothing is ever written into the folder, not even a lock, so an LMDB on a read-only disk and
one of somebody else's can be read.
"""

from __future__ import annotations

import itertools
import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ssdh_surgery.data.datum import Datum, Header, Shape, read_datum, read_header
from ssdh_surgery.data.lmdb_open import acquire, forget, release
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable


@dataclass(frozen=True)
class LabelScan:
    """The labels of the records that were looked at.

    `histogram` counts each label, `first_keys` has the key of the first record with it.
    """

    records: int = 0
    histogram: Counter[int] = field(default_factory=Counter)
    first_keys: dict[int, bytes] = field(default_factory=dict)

    @property
    def minimum(self) -> int:
        """The smallest label."""
        return min(self.histogram)

    @property
    def maximum(self) -> int:
        """The largest label."""
        return max(self.histogram)


@dataclass(frozen=True)
class ShapeScan:
    """The sizes of the records that were looked at, (channels, height, width) each.

    `encoded` counts the records that hold an encoded picture, which was decoded.
    """

    shapes: Counter[Shape] = field(default_factory=Counter)
    encoded: int = 0

    @property
    def common(self) -> Shape | None:
        """The size of all of them, None where they differ."""
        return next(iter(self.shapes)) if len(self.shapes) == 1 else None


class LmdbStore:
    """An LMDB of Datums, open for reading; a context manager.

    The keys and records that it gives are copies and outlive it.

    Raises:
        DataError: there is no LMDB, it is a LevelDB, empty, cut short, or damaged.
        FileError: the folder or its file cannot be read.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._env: Any = acquire(self.path)
        self._when_forgotten = weakref.finalize(self, forget, self._env)
        self._records: int = self._env.stat()["entries"]
        if not self._records:
            self.close()
            raise DataError("the LMDB holds no records", location=Location(str(path)))

    def close(self) -> None:
        """Give the file back; iterations that still run end with an error."""
        # A loop that is collected together with its store closes it after it was forgotten.
        if self._when_forgotten.detach():
            release(self._env)
        self._env = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._records

    def items(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """Key and bytes of each record in key order, from the `start`-th on."""
        return self._walk(start=start, buffers=False)

    def cycle(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """`items` without an end: after the last record comes the first, as in Caffe."""
        start %= len(self)
        while True:
            yield from self.items(start)
            start = 0

    def records(self, start: int = 0) -> Iterator[tuple[bytes, Datum]]:
        """Key and Datum of each record in key order, from the `start`-th on.

        Raises:
            DataError: a record is not a Datum; it names the key.
        """
        for key, record in self.items(start):
            try:
                datum = read_datum(record)
            except DataError as error:
                raise record_error(self.path, key, error) from error
            yield key, datum

    def keys(self, limit: int | None = None) -> list[bytes]:
        """The first keys, or all."""
        walk = itertools.islice(self._walk(buffers=True), limit)
        return [bytes(key) for key, _ in walk]

    def get(self, key: bytes) -> bytes | None:
        """The bytes of one record, None where there is no such key."""
        with self._transaction(buffers=False) as transaction:
            value: bytes | None = transaction.get(key)
        return value

    def headers(self, limit: int | None = None) -> Iterator[tuple[bytes, Header]]:
        """Key and header of each record, the first `limit` of them; pixels stay unread.

        Raises:
            DataError: a record is not a Datum; it names the key.
        """
        for key, record in itertools.islice(self._walk(buffers=True), limit):
            try:
                header = read_header(record)
            except DataError as error:
                raise record_error(self.path, bytes(key), error) from error
            yield bytes(key), header

    def scan_labels(self, limit: int | None = None) -> LabelScan:
        """The labels of the first `limit` records, or of all.

        Raises:
            DataError: a record is not a Datum; it names the key.
        """
        histogram: Counter[int] = Counter()
        first_keys: dict[int, bytes] = {}
        for key, header in self.headers(limit):
            histogram[header.label] += 1
            first_keys.setdefault(header.label, key)
        return LabelScan(histogram.total(), histogram, first_keys)

    def scan_shapes(self, limit: int | None = None) -> ShapeScan:
        """The sizes of the first `limit` records, or of all; encoded ones are decoded.

        Raises:
            DataError: a record is not a Datum or cannot be decoded; it names the key.
            MissingExtra: there are encoded records and OpenCV is not installed.
        """
        shapes: Counter[Shape] = Counter()
        encoded = 0
        for key, header in self.headers(limit):
            shapes[self._shape(key, header)] += 1
            encoded += header.encoded
        return ShapeScan(shapes, encoded)

    def record_shape(self) -> Shape:
        """(channels, height, width) of the first record, from which Caffe shapes its blob."""
        (shape,) = self.scan_shapes(limit=1).shapes
        return shape

    def _shape(self, key: bytes, header: Header) -> Shape:
        if not header.encoded:
            return header.shape
        record = self.get(key)
        assert record is not None, "the key was read from this very LMDB"
        try:
            channels, height, width = read_datum(record).pixels().shape
        except DataError as error:
            raise record_error(self.path, key, error) from error
        return channels, height, width

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
                hint="it is damaged, or a program is writing it: 'mdb_copy' makes a copy meanwhile",
            ) from error


def common_shape(path: Path | str, limit: int) -> Shape | None:
    """(channels, height, width) of the first `limit` records of an LMDB, None where they differ.

    Raises:
        DataError, FileError: it cannot be read, or holds records that are not Datums.
        MissingExtra: there are encoded records and OpenCV is not installed.
    """
    with LmdbStore(path) as store:
        return store.scan_shapes(limit).common


def record_error(path: Path | str, key: bytes, error: DataError) -> DataError:
    """What is wrong with a record's content, with the LMDB and the record's key."""
    return DataError(
        f"record '{printable(key)}': {error.message}",
        location=Location(str(path)),
        hint=error.hint,
        key=key,
    )
