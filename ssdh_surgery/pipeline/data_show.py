"""What an LMDB holds: records, sizes, labels, first keys, and its first pictures on one sheet."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.data.datum import Shape, read_datum
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.names import shown
from ssdh_surgery.data.picture import encode
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import write_bytes

Progress = Callable[[int, int], None]

_FIRST_KEYS = 5
# Records whose sizes are looked at without --verify: encoded ones have to be decoded.
_SIZED = 100
_SHEET_PICTURES = 100
_SHEET_SIDE = 96


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
        keys = tuple(map(shown, store.keys(_FIRST_KEYS)))
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
            bad[shown(key)] = error.message
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
    pictures: list[NDArray[Any]] = []
    with LmdbStore(path) as store:
        for _, datum in store.records():
            pictures.append(_thumbnail(datum.pixels()))
            if len(pictures) == _SHEET_PICTURES:
                break
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    sheet = np.full((rows * _SHEET_SIDE, columns * _SHEET_SIDE, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = (each * _SHEET_SIDE for each in divmod(number, columns))
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    write_bytes(out, encode(sheet, "png"))
    return len(pictures)


def _thumbnail(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """A picture [C, H, W] as [h, w, 3] with a margin; two channels and floats are shown too."""
    from ssdh_surgery.data.picture import resize

    channels = pixels[:3] if len(pixels) >= 3 else np.repeat(pixels[:1], 3, axis=0)
    if channels.dtype != np.uint8:
        low, high = float(channels.min()), float(channels.max())
        channels = ((channels - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)
    picture = np.ascontiguousarray(channels.transpose(1, 2, 0))
    height, width = picture.shape[:2]
    scale = (_SHEET_SIDE - 4) / max(height, width)
    return resize(picture, (max(1, round(width * scale)), max(1, round(height * scale))))
