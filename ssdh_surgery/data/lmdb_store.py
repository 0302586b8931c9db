"""Read the LMDBs of Caffe's Data layer: records in key order, and summaries of them.

Nothing is written to the folder, not even a lock file, so that LMDBs on read-only disks and
those of other users can be read.
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
from ssdh_surgery.data.image_header import read_image_header
from ssdh_surgery.data.lmdb_open import acquire, forget, release
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location
from ssdh_surgery.names import printable


@dataclass(frozen=True)
class LabelScan:
    """The labels of the scanned records.

    `histogram` counts each label; `first_keys` has the key of the first record with it.
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
    """The sizes of the scanned records, each as (channels, height, width).

    `encoded` counts the records with an encoded image.
    """

    shapes: Counter[Shape] = field(default_factory=Counter)
    encoded: int = 0

    @property
    def common(self) -> Shape | None:
        """The size of all records, None if they differ."""
        return next(iter(self.shapes)) if len(self.shapes) == 1 else None


class LmdbStore:
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

    def records(self, start: int = 0) -> Iterator[tuple[bytes, Datum]]:
        """Key and Datum of each record in key order, starting at the `start`-th.

        Raises:
            DataError: a record is not a Datum; the error names its key.
        """
        for key, record in self.items(start):
            try:
                datum = read_datum(record)
            except DataError as error:
                raise record_error(self.path, key, error) from error
            yield key, datum

    def keys(self, limit: int | None = None) -> list[bytes]:
        """The first `limit` keys, or all."""
        walk = itertools.islice(self._walk(buffers=True), limit)
        return [bytes(key) for key, _ in walk]

    def get(self, key: bytes) -> bytes | None:
        """The bytes of the record with a key, or None."""
        with self._transaction(buffers=False) as transaction:
            value: bytes | None = transaction.get(key)
        return value

    def headers(self, limit: int | None = None) -> Iterator[tuple[bytes, Header]]:
        """Key and header of the first `limit` records, or of all; pixels are not read.

        Raises:
            DataError: a record is not a Datum; the error names its key.
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
            DataError: a record is not a Datum; the error names its key.
        """
        histogram: Counter[int] = Counter()
        first_keys: dict[int, bytes] = {}
        for key, header in self.headers(limit):
            histogram[header.label] += 1
            first_keys.setdefault(header.label, key)
        return LabelScan(histogram.total(), histogram, first_keys)

    def scan_shapes(self, limit: int | None = None) -> ShapeScan:
        """The sizes of the first `limit` records, or of all; images say theirs, or are decoded.

        Raises:
            DataError: a record is not a Datum or cannot be decoded; the error names its key.
            MissingExtra: there are encoded records and OpenCV is not installed.
        """
        shapes: Counter[Shape] = Counter()
        encoded = 0
        for key, header in self.headers(limit):
            shapes[self._shape(key, header)] += 1
            encoded += header.encoded
        return ShapeScan(shapes, encoded)

    def record_shape(self) -> Shape:
        """(channels, height, width) of the first record, which Caffe takes for its blob."""
        (shape,) = self.scan_shapes(limit=1).shapes
        return shape

    def _shape(self, key: bytes, header: Header) -> Shape:
        if not header.encoded:
            return header.shape
        record = self.get(key)
        assert record is not None, "the key was read from this very LMDB"
        try:
            image = read_image_header(record[slice(*header.data)])
            if image.shape is not None and image.bits == 8 and not image.is_cut:
                return image.shape
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
                hint="it is damaged, or in use by a program that writes: 'mdb_copy' can copy it",
            ) from error


def common_shape(path: Path | str, limit: int) -> Shape | None:
    """(channels, height, width) of the first `limit` records of an LMDB, None if they differ.

    Raises:
        DataError, FileError: it cannot be read, or a record is not a Datum.
        MissingExtra: there are encoded records and OpenCV is not installed.
    """
    with LmdbStore(path) as store:
        return store.scan_shapes(limit).common


def record_error(path: Path | str, key: bytes, error: DataError) -> DataError:
    """The error of a record, with its LMDB and key."""
    return DataError(
        f"record '{printable(key)}': {error.message}",
        location=Location(str(path)),
        hint=error.hint,
        key=key,
    )
