"""A database of Datums, open for reading: its records, and summaries of them."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ssdh_surgery.data.datum import Datum, Header, Shape, read_datum, read_header
from ssdh_surgery.data.image_header import read_image_header
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


class RecordStore(ABC):
    """A database, open for reading; a context manager."""

    path: Path

    @abstractmethod
    def __len__(self) -> int:
        """The number of records."""

    @abstractmethod
    def views(self) -> Iterator[tuple[Any, Any]]:
        """Key and bytes of each record in key order, both valid until the next one.

        Raises:
            DataError: it is damaged.
        """

    @abstractmethod
    def close(self) -> None:
        """Release its files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def items(self, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """Key and bytes of each record in key order, starting at the `start`-th."""
        for key, record in itertools.islice(self.views(), start, None):
            yield bytes(key), bytes(record)

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
        walk = itertools.islice(self.views(), limit)
        return [bytes(key) for key, _ in walk]

    def headers(self, limit: int | None = None) -> Iterator[tuple[bytes, Header]]:
        """Key and header of the first `limit` records, or of all; pixels are not read.

        Raises:
            DataError: a record is not a Datum; the error names its key.
        """
        for key, record in itertools.islice(self.views(), limit):
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
        for key, record in itertools.islice(self.views(), limit):
            try:
                header = read_header(record)
                shapes[_shape(header, record)] += 1
            except DataError as error:
                raise record_error(self.path, bytes(key), error) from error
            encoded += header.encoded
        return ShapeScan(shapes, encoded)

    def record_shape(self) -> Shape:
        """(channels, height, width) of the first record, which Caffe takes for its blob."""
        (shape,) = self.scan_shapes(limit=1).shapes
        return shape


def _shape(header: Header, record: Any) -> Shape:
    """The size of a record; that of an image by its own header if it has a good one."""
    if not header.encoded:
        return header.shape
    image = read_image_header(record[slice(*header.data)])
    if image.shape is not None and image.bits == 8 and not image.is_cut:
        return image.shape
    channels, height, width = read_datum(record).pixels().shape
    return channels, height, width


def record_error(path: Path | str, key: bytes, error: DataError) -> DataError:
    """The error of a record, with its LMDB and key."""
    return DataError(
        f"record '{printable(key)}': {error.message}",
        location=Location(str(path)),
        hint=error.hint,
        key=key,
    )
