"""`ssdh data show`: what a database holds, and a sheet of its first images."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ssdh_surgery.data.class_names import class_names_beside
from ssdh_surgery.data.datum import Shape, read_datum
from ssdh_surgery.data.open_records import open_records
from ssdh_surgery.data.record_store import RecordStore
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import refuse_existing, write_bytes
from ssdh_surgery.names import printable, readable
from ssdh_surgery.report.contact_sheet import Cell, refuse_sheet_kind, thumbnail
from ssdh_surgery.report.contact_sheet import sheet as contact_sheet
from ssdh_surgery.retrieval.codes.label_text import label_text

Progress = Callable[[int, int], None]

_FIRST_KEYS = 5
# Records whose sizes are read without --verify, because encoded ones have to be decoded.
_SIZED = 100
_SHEET_IMAGES = 100


@dataclass(frozen=True)
class DataSummary:
    """The contents of a database.

    `labels` counts the records of each label, `shapes` those of each (channels, height,
    width) among the first `sized` records, of which `encoded` hold an encoded image. `bad` has
    the reason for each key whose record cannot be read, None if not all were read. `images`
    is the number of images on the sheet, if any. `class_names` has the name of each label, from
    `labels.txt` next to it; `unreadable_names` is why that file cannot be used.
    """

    records: int
    labels: Counter[int]
    shapes: Counter[Shape]
    sized: int
    encoded: int
    first_keys: tuple[str, ...]
    bad: dict[str, str] | None = None
    images: int | None = None
    class_names: tuple[str, ...] = ()
    unreadable_names: DataError | None = None

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
            "class_names": list(map(readable, self.class_names)) or None,
        }


def show_data(
    path: Path | str,
    sheet: Path | None = None,
    *,
    verify: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> DataSummary:
    """Summarize a database, and draw its first images.

    Args:
        path: the LMDB or LevelDB.
        sheet: the PNG to draw; None draws none.
        verify: read and decode every record.
        force: replace an existing PNG.
        progress: called with the number of records verified, and of all.

    Raises:
        DataError: it cannot be opened, or without `verify` a record is damaged.
        FileError: the PNG exists or cannot be written.
        MissingExtra: there are encoded records, or a sheet, and OpenCV is not installed.
    """
    if sheet is not None:
        refuse_sheet_kind(sheet)
        refuse_existing(sheet, force=force)
    summary = _summary(path, verify, progress)
    try:
        names = class_names_beside(Path(path))
        summary = replace(summary, class_names=names.names if names else ())
    except DataError as error:
        summary = replace(summary, unreadable_names=error)
    if sheet is None:
        return summary
    return replace(summary, images=_write_sheet(path, sheet, summary.class_names))


def _summary(path: Path | str, verify: bool, progress: Progress | None) -> DataSummary:
    with open_records(path) as store:
        keys = tuple(map(printable, store.keys(_FIRST_KEYS)))
        if verify:
            return _verified(store, keys, progress)
        sizes = store.scan_shapes(_SIZED)
        return DataSummary(
            len(store),
            store.scan_labels().histogram,
            sizes.shapes,
            sizes.shapes.total(),
            sizes.encoded,
            keys,
        )


def _verified(store: RecordStore, keys: tuple[str, ...], progress: Progress | None) -> DataSummary:
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
    return DataSummary(len(store), labels, shapes, len(store), encoded, keys, bad)


def _write_sheet(path: Path | str, out: Path, names: Sequence[str]) -> int:
    """Draw the first images of a database on one PNG; the number of images."""
    images: list[Cell] = []
    with open_records(path) as store:
        for _, datum in store.records():
            images.append(Cell(thumbnail(datum.pixels()), [label_text(datum.label, names)]))
            if len(images) == _SHEET_IMAGES:
                break
    columns = math.ceil(math.sqrt(len(images)))
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    write_bytes(out, contact_sheet(rows))
    return len(images)
