"""Examples of the findings about the records of databases."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import plyvel

from finding_examples.example import Data, Edits, Example, Replace, Runs, Shell, Stops
from finding_examples.job import (
    SEED,
    SIDE,
    TEST_RECORDS,
    TRAIN_RECORDS,
    images,
    labels,
    train_records,
    write_lmdb,
    write_records,
)
from ssdh_surgery import findings as rules
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.data.datum import write_encoded, write_raw

_PIXELS, _LABELS = images(TRAIN_RECORDS, SEED), labels(TRAIN_RECORDS, SEED)
_REBUILD = (Shell("rm -r train_lmdb"), Shell("ssdh data build train.txt train_lmdb"))
_NEW_TEST = Data(
    "`test_lmdb` is built of other images, of all classes.",
    lambda folder: write_lmdb(
        folder / "test_lmdb", images(TEST_RECORDS, SEED + 1), labels(TEST_RECORDS, SEED + 1)
    ),
)
_NUMBER = 20
_NET = "net.prototxt"
_SCALE = "  transform_param { scale: 0.00390625 }\n"
_INCLUDE = "  include { phase: TRAIN }\n"
_NEW_LMDB = '"new_lmdb" batch_size: 16 backend: LMDB'
LEVELDB = '"train_leveldb" batch_size: 16 backend: LEVELDB'


def _encoded(extension: str = ".png") -> list[bytes]:
    """The training records as encoded images."""
    return [
        write_encoded(
            cv2.imencode(extension, np.ascontiguousarray(pixels.transpose(1, 2, 0)))[1].tobytes(),
            label,
        )
        for pixels, label in zip(_PIXELS, _LABELS, strict=True)
    ]


def _datum(label: int, data: bytes, channels: int, height: int, width: int) -> bytes:
    """A raw record with sizes that need not be those of its data."""
    datum: Any = schema.message_class("Datum")(
        channels=channels, height=height, width=width, data=data, label=label
    )
    return bytes(datum.SerializeToString())


def _train(sentence: str, records: Callable[[], list[bytes]]) -> Data:
    return Data(sentence, lambda folder: write_records(folder / "train_lmdb", records()))


def _with(records: list[bytes], record: bytes) -> list[bytes]:
    """Records, the twentieth of which is another."""
    return [*records[:_NUMBER], record, *records[_NUMBER + 1 :]]


def _sorted() -> list[bytes]:
    order = np.argsort(_LABELS, kind="stable")
    return [train_records()[number] for number in order]


def _test_labels(folder: Path) -> None:
    record_labels = [label % 3 for label in labels(TEST_RECORDS, SEED + 1)]
    write_lmdb(folder / "test_lmdb", images(TEST_RECORDS, SEED + 1), record_labels)


def _train_labels(folder: Path) -> None:
    write_lmdb(folder / "train_lmdb", _PIXELS, [label % 3 for label in _LABELS])


def _trained_test(folder: Path) -> None:
    pixels = images(TEST_RECORDS, SEED + 1)
    record_labels = labels(TEST_RECORDS, SEED + 1)
    pixels[:8], record_labels[:8] = _PIXELS[:8], _LABELS[:8]
    write_lmdb(folder / "test_lmdb", pixels, record_labels)


def _channels_last(folder: Path) -> None:
    for name, count, seed in (
        ("train_lmdb", TRAIN_RECORDS, SEED),
        ("test_lmdb", TEST_RECORDS, SEED + 1),
    ):
        records = zip(images(count, seed), labels(count, seed), strict=True)
        write_records(
            folder / name,
            (
                _datum(label, image.transpose(1, 2, 0).tobytes(), SIDE, SIDE, 3)
                for image, label in records
            ),
        )


def write_leveldb(folder: Path) -> None:
    """Write the training records into `train_leveldb`."""
    with contextlib.closing(plyvel.DB(str(folder / "train_leveldb"), create_if_missing=True)) as db:
        for number, record in enumerate(train_records()):
            db.put(b"%08d" % number, record)


def _labels_lmdb(folder: Path) -> None:
    values = np.array(_LABELS, np.uint8).reshape(-1, 1, 1, 1)[: TRAIN_RECORDS - 1]
    write_records(folder / "labels_lmdb", (write_raw(value, 0) for value in values))


def _all_labels(folder: Path) -> None:
    values = np.array(_LABELS, np.uint8).reshape(-1, 1, 1, 1)
    write_records(folder / "labels_lmdb", (write_raw(value, 0) for value in values))


EXAMPLES = (
    Example(
        rules.UNDECODABLE_RECORD,
        (
            _train(
                "The records of `train_lmdb` are PNG files, but record 20 is a web page.",
                lambda: _with(_encoded(), write_encoded(b"<html>404 Not Found</html>", 1)),
            ),
        ),
        Stops("Could not decode datum"),
        _REBUILD,
    ),
    Example(
        rules.SHORT_RECORD,
        (
            _train(
                "Record 20 of `train_lmdb` has 128 values, and states sizes of 3 x 8 x 8.",
                lambda: _with(train_records(), _datum(1, bytes(128), 3, 8, 8)),
            ),
        ),
        Runs(),
        _REBUILD,
    ),
    Example(
        rules.LONG_RECORD,
        (
            _train(
                "Record 20 of `train_lmdb` has 256 values, and states sizes of 3 x 8 x 8.",
                lambda: _with(train_records(), _datum(1, bytes(256), 3, 8, 8)),
            ),
        ),
        Runs(),
        _REBUILD,
    ),
    Example(
        rules.RECORD_SIZES,
        (
            _train(
                "Record 20 of `train_lmdb` is 3 x 8 x 10, all others are 3 x 8 x 8.",
                lambda: _with(train_records(), _datum(1, bytes(240), 3, 8, 10)),
            ),
        ),
        Stops("Check failed: datum_width == width (10 vs. 8)"),
        _REBUILD,
    ),
    Example(
        rules.MIXED_ENCODING,
        (
            _train(
                "The last 32 records of `train_lmdb` are PNG files, the others raw pixels.",
                lambda: [*train_records()[:32], *_encoded()[32:]],
            ),
        ),
        Runs(),
        _REBUILD,
    ),
    Example(
        rules.CHANNELS_LAST,
        (
            Data(
                "The pixels of both databases are in the order height, width, channel, and their "
                "sizes are 8 x 8 x 3.",
                _channels_last,
            ),
        ),
        Runs(),
        (
            Shell("rm -r train_lmdb test_lmdb"),
            Shell("ssdh data build train.txt train_lmdb"),
            Shell("cp -r train_lmdb test_lmdb"),
        ),
    ),
    Example(
        rules.CUT_IMAGE,
        (
            _train(
                "The records of `train_lmdb` are JPEG files; record 20 lacks its last 20 bytes.",
                lambda: _with(_encoded(".jpg"), _cut_jpeg()),
            ),
        ),
        Runs(),
        _REBUILD,
    ),
    Example(
        rules.RECORDS_CLASS_BY_CLASS,
        (_train("The records of `train_lmdb` are sorted by label.", _sorted),),
        Runs(),
        (Shell("rm -r train_lmdb"), Shell("ssdh data build train.txt train_lmdb --shuffle")),
    ),
    Example(
        rules.UNTRAINED_TEST_CLASSES,
        (Data("No record of `train_lmdb` has the label 3.", _train_labels),),
        Runs(),
        _REBUILD,
    ),
    Example(
        rules.UNTESTED_CLASSES,
        (Data("No record of `test_lmdb` has the label 3.", _test_labels),),
        Runs(),
        (_NEW_TEST,),
    ),
    Example(
        rules.OUT_OF_STEP,
        (
            Replace(
                _NET,
                'top: "data" top: "label"\n  include { phase: TRAIN }',
                'top: "data"\n  include { phase: TRAIN }',
            ),
            Replace(
                _NET,
                'name: "colors"\n',
                'name: "colors"\nlayer {\n  name: "label" type: "Data" top: "label"\n'
                "  include { phase: TRAIN }\n"
                '  data_param { source: "labels_lmdb" batch_size: 16 backend: LMDB }\n}\n',
            ),
            Data(
                "The labels are in `labels_lmdb`, which lacks the last of 64.",
                _labels_lmdb,
            ),
        ),
        Runs(),
        (Data("`labels_lmdb` has 64 records.", _all_labels),),
    ),
    Example(
        rules.LEVELDB_OPENED_TWICE,
        (
            Data("`train_leveldb` is a LevelDB of the same records.", write_leveldb),
            Edits(
                (
                    Replace(_NET, '"train_lmdb" batch_size: 16 backend: LMDB', LEVELDB),
                    Replace(_NET, '"test_lmdb" batch_size: 16 backend: LMDB', LEVELDB),
                )
            ),
            Replace("solver.prototxt", "test_iter: 2", "test_iter: 4"),
        ),
        Stops("already held by process"),
        (
            Shell("ssdh data build train.txt new_lmdb"),
            Replace(
                _NET,
                f"{_INCLUDE}{_SCALE}  data_param {{ source: {LEVELDB}",
                f"{_INCLUDE}{_SCALE}  data_param {{ source: {_NEW_LMDB}",
            ),
        ),
    ),
    Example(
        rules.TEST_DATA_TRAINED_ON,
        (Data("The first 8 records of `test_lmdb` are those of `train_lmdb`.", _trained_test),),
        Runs(),
        (_NEW_TEST,),
    ),
)


def _cut_jpeg() -> bytes:
    image = np.ascontiguousarray(_PIXELS[_NUMBER].transpose(1, 2, 0))
    return write_encoded(cv2.imencode(".jpg", image)[1].tobytes()[:-20], _LABELS[_NUMBER])
