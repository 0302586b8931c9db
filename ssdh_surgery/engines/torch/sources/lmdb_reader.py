"""The source of a Data layer: the records of an LMDB in key order, decoded and transformed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.data.datum import Datum, read_datum
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.record_store import record_error
from ssdh_surgery.data.transform import Chance, DataTransformer
from ssdh_surgery.engines.torch.sources.counted_chance import CountedChance
from ssdh_surgery.engines.torch.sources.image_batch import write_image
from ssdh_surgery.engines.torch.sources.prefetch import BatchRecord, Reading
from ssdh_surgery.errors import DataError
from ssdh_surgery.names import printable

if TYPE_CHECKING:
    from ssdh_surgery.engines.torch.sources.prefetch import Array


# Up to this distance, the reader skips records instead of seeking.
_NEAR = 64


class LmdbReader:
    """Reads the records of an LMDB: images and labels.

    Raises:
        DataError: there is no LMDB, it is empty or damaged, or its first record does not suit
            the transform.
        FileError: it cannot be read.
    """

    def __init__(self, path: Path, transformer: DataTransformer, chance: CountedChance) -> None:
        self._store = LmdbStore(path)
        self._transformer = transformer
        self._chance = chance
        self._records: Iterator[tuple[bytes, bytes]] = iter(())
        self._next = 0
        self.count = len(self._store)
        key, record = next(self._store.items())
        first = self._shape(key, self._datum(key, record))
        self.shapes: Sequence[Shape] = (first, ())

    def read(self, numbers: range) -> Reading:
        """Read records; the first one determines the shape of all."""
        records = [self._take(number) for number in numbers]
        # With a crop the shape is fixed; otherwise the first image determines it.
        shape = self.shapes[0] if self._transformer.crop else self._shape(*records[0])
        batch = [
            BatchRecord(
                f"record '{printable(key)}' of {self._store.path}",
                datum.label,
                partial(self._fill, key, datum, self._chance.record(number)),
            )
            for number, (key, datum) in zip(numbers, records, strict=True)
        ]
        return Reading((shape, ()), batch)

    def close(self) -> None:
        """Close the LMDB."""
        self._store.close()

    def _take(self, number: int) -> tuple[bytes, Datum]:
        if not 0 < self._next <= number < self._next + _NEAR:
            self._records = self._store.cycle(number)
            self._next = number
        while self._next < number:
            next(self._records)
            self._next += 1
        key, record = next(self._records)
        self._next += 1
        return key, self._datum(key, record)

    def _datum(self, key: bytes, record: bytes) -> Datum:
        try:
            return read_datum(record)
        except DataError as error:
            raise record_error(self._store.path, key, error) from error

    def _shape(self, key: bytes, datum: Datum) -> Shape:
        """The shape of a record after the transform."""
        try:
            if datum.encoded:
                channels, height, width = datum.pixels(color=self._transformer.color).shape
                return self._transformer.shape((channels, height, width))
            return self._transformer.shape(datum.shape)
        except DataError as error:
            raise record_error(self._store.path, key, error) from error

    def _fill(self, key: bytes, datum: Datum, chance: Chance, arrays: Sequence[Array]) -> None:
        images, labels = arrays
        try:
            pixels = datum.pixels(color=self._transformer.color)
            write_image(self._transformer, pixels, chance, images[0])
        except DataError as error:
            raise record_error(self._store.path, key, error) from error
        labels[0] = datum.label
