"""What an LMDB holds: records, sizes, labels, first keys, and its first pictures on one sheet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery.data.datum import Shape, read_datum
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import write_bytes
from ssdh_surgery.names import printable
from ssdh_surgery.report.contact_sheet import Thumbnail, sheet, thumbnail

Progress = Callable[[int, int], None]

_FIRST_KEYS = 5
# Records whose sizes are looked at without --verify: encoded ones have to be decoded.
_SIZED = 100
_SHEET_PICTURES = 100


@dataclass(frozen=True)
class ShownData:
    """What is in an LMDB.

    `labels` counts the records of each label, `shapes` those of each (channels, height,
    width) among the first `sized` records, of which `encoded` hold an encoded picture.
    `bad` are records that cannot be read, by key, after all were read.
    """

    records: int
    labels: Counter[int]
    shapes: Counter[Shape]
    sized: int
    encoded: int
    first_keys: tuple[str, ...]
    bad: dict[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer of `data show --json`."""
        return {
            "records": self.records,
            "labels": {str(label): count for label, count in sorted(self.labels.items())},
            "shapes": [
                {"shape": list(shape), "records": count}
                for shape, count in self.shapes.most_common()
            ],
            "sized": self.sized,
            "encoded": self.encoded,
            "first_keys": list(self.first_keys),
            "bad": self.bad,
        }


def show_data(
    path: Path | str, *, verify: bool = False, progress: Progress | None = None
) -> ShownData:
    """Look into an LMDB; `verify` reads and decodes every record.

    Raises:
        DataError: it cannot be opened, or without `verify` a record is damaged.
        MissingExtra: there are encoded records and OpenCV is not installed.
    """
    with LmdbStore(path) as store:
        keys = tuple(map(printable, store.keys(_FIRST_KEYS)))
        if verify:
            return _verified(store, keys, progress)
        sizes = store.scan_shapes(_SIZED)
        return ShownData(
            len(store),
            store.scan_labels().histogram,
            sizes.shapes,
            sizes.shapes.total(),
            sizes.encoded,
            keys,
        )


def _verified(store: LmdbStore, keys: tuple[str, ...], progress: Progress | None) -> ShownData:
    labels: Counter[int] = Counter()
    shapes: Counter[Shape] = Counter()
    bad: dict[str, str] = {}
    encoded = 0
    for number, (key, record) in enumerate(store.items(), 1):
        try:
            datum = read_datum(record)
            channels, height, width = datum.pixels().shape
        except DataError as error:
            bad[printable(key)] = error.message
            continue
        labels[datum.label] += 1
        shapes[channels, height, width] += 1
        encoded += datum.encoded
        if progress is not None:
            progress(number, len(store))
    return ShownData(len(store), labels, shapes, len(store), encoded, keys, bad)


def write_sheet(path: Path | str, out: Path) -> int:
    """Draw the first pictures of an LMDB on one PNG; how many.

    Raises:
        DataError: it cannot be opened, or a record is damaged.
        FileError: the PNG cannot be written.
        MissingExtra: OpenCV is not installed.
    """
    pictures: list[Thumbnail] = []
    with LmdbStore(path) as store:
        for _, datum in store.records():
            pictures.append(thumbnail(datum.pixels()))
            if len(pictures) == _SHEET_PICTURES:
                break
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    write_bytes(out, sheet(rows))
    return len(pictures)
