"""Examples of the findings about training data."""

from __future__ import annotations

from finding_examples.example import Data, Example, NotRun, Replace, Runs, Shell, Stops
from finding_examples.job import TRAIN_RECORDS, images, labels, write_lmdb
from ssdh_surgery import findings as rules

_PIXELS = images(TRAIN_RECORDS, seed=1)
_SCALE = "  transform_param { scale: 0.00390625 }\n"
_TRAIN = '  data_param { source: "train_lmdb" batch_size: 16 backend: LMDB }'


def _relabel(first: int, classes: int) -> Data:
    """Train records with labels of `classes` classes from `first`."""
    last = first + classes - 1
    values = f"from {first} to {last}" if classes > 1 else f"{first}"
    return Data(
        f"The labels of `train_lmdb` are {values}.",
        lambda folder: write_lmdb(
            folder / "train_lmdb", _PIXELS, labels(TRAIN_RECORDS, 1, first, classes)
        ),
    )


EXAMPLES = (
    Example(
        rules.LABELS_OUT_OF_RANGE,
        (_relabel(1, 4),),
        Runs(),
        (_relabel(0, 4),),
    ),
    Example(
        rules.NO_MEAN_FILE,
        (
            Replace(
                "net.prototxt",
                _SCALE + _TRAIN,
                '  transform_param { scale: 0.00390625 mean_file: "data/mean.binaryproto" }\n'
                + _TRAIN,
            ),
        ),
        Stops("File not found: data/mean.binaryproto"),
        (Replace("net.prototxt", '"data/mean.binaryproto"', '"mean.binaryproto"'),),
    ),
    Example(
        rules.NO_SOURCE,
        (
            Replace(
                "net.prototxt",
                'type: "Data" top: "data" top: "label"\n  include { phase: TRAIN }\n'
                + _SCALE
                + _TRAIN,
                'type: "ImageData" top: "data" top: "label"\n  include { phase: TRAIN }\n'
                + _SCALE
                + '  image_data_param { source: "lists/train.txt" batch_size: 16 shuffle: true }',
            ),
        ),
        Stops("Check failed: !lines_.empty() File is empty"),
        (Replace("net.prototxt", '"lists/train.txt"', '"train.txt"'),),
    ),
    Example(
        rules.NO_DATABASE,
        (Replace("net.prototxt", '"train_lmdb"', '"data/train_lmdb"'),),
        Stops("No such file or directory"),
        (Shell("mkdir data && mv train_lmdb data/"),),
    ),
    Example(
        rules.WRONG_BACKEND,
        (Replace("net.prototxt", _TRAIN, _TRAIN.replace(" backend: LMDB", "")),),
        Stops("Failed to open leveldb train_lmdb"),
        (
            Replace(
                "net.prototxt",
                '"train_lmdb" batch_size: 16',
                '"train_lmdb" batch_size: 16 backend: LMDB',
            ),
        ),
    ),
    Example(
        rules.UNREADABLE_DATABASE,
        (Shell("truncate -s 100 train_lmdb/data.mdb"),),
        Stops("MDB_INVALID"),
        (Shell("rm -r train_lmdb"), Shell("ssdh data build train.txt train_lmdb")),
    ),
    Example(
        rules.ONE_LABEL,
        (_relabel(0, 1),),
        Runs("accuracy = 0.25"),
        (_relabel(0, 4),),
    ),
    Example(
        rules.CLASSES_WITHOUT_RECORDS,
        (_relabel(0, 3),),
        Runs(),
        (_relabel(0, 4),),
    ),
    Example(
        rules.TEST_COVERAGE,
        (Replace("solver.prototxt", "test_iter: 2", "test_iter: 1"),),
        Runs(),
        (Replace("solver.prototxt", "test_iter: 1", "test_iter: 2"),),
    ),
    Example(
        rules.NO_BATCH,
        (Replace("net.prototxt", _TRAIN, _TRAIN.replace(" batch_size: 16", "")),),
        NotRun("it waits for its first batch without end."),
        (
            Replace(
                "net.prototxt",
                'source: "train_lmdb" backend',
                'source: "train_lmdb" batch_size: 16 backend',
            ),
        ),
    ),
)
