"""Examples of the findings about means, crops, lists, HDF5 files, windows and fed layers."""

from __future__ import annotations

from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from finding_examples.example import (
    Append,
    Data,
    Edits,
    Example,
    Machine,
    Replace,
    Runs,
    Shell,
    Step,
    Stops,
    Write,
)
from finding_examples.job import SEED, TRAIN_RECORDS, images, labels
from finding_examples.machines import without_package
from ssdh_surgery import findings as rules
from ssdh_surgery.data.mean import read_mean
from ssdh_surgery.data.mean_file import write_mean_file

_NET = "net.prototxt"
_HEAD = 'type: "Data" top: "data" top: "label"\n  include { phase: TRAIN }\n'
_SCALE = "  transform_param { scale: 0.00390625 }\n"
_TRAIN = '  data_param { source: "train_lmdb" batch_size: 16 backend: LMDB }'
_PIXELS = images(TRAIN_RECORDS, SEED).astype(np.float32) / 256
_LABELS = np.array(labels(TRAIN_RECORDS, SEED), np.float32)


def _transform(settings: str) -> Replace:
    """Settings of the transform in the train phase."""
    return Replace(
        _NET, f"{_SCALE}{_TRAIN}", f"  transform_param {{ scale: 0.00390625 {settings} }}\n{_TRAIN}"
    )


def _train(settings: str) -> str:
    """The train layer from its phase to its transform."""
    return f"  include {{ phase: TRAIN }}\n  transform_param {{ {settings} }}\n"


def _test(settings: str) -> str:
    """The same of the test layer."""
    return f"  include {{ phase: TEST }}\n  transform_param {{ {settings} }}\n"


_TEST = _test("scale: 0.00390625")
_TEST_DATA = '  data_param { source: "test_lmdb"'


def _both(settings: str, before: str = "scale: 0.00390625") -> Edits:
    """Other settings of the transform in both phases."""
    return Edits(
        (
            Replace(_NET, _train(before), _train(settings)),
            Replace(_NET, _test(before), _test(settings)),
        )
    )


def _layer(layer_type: str, settings: str, transform: str = _SCALE) -> Replace:
    """Another layer for the training data."""
    return Replace(
        _NET,
        f"{_HEAD}{_SCALE}{_TRAIN}",
        f"{_HEAD.replace('Data', layer_type, 1)}{transform}  {settings}",
    )


def _h5(name: str, **datasets: NDArray[np.generic]) -> None:
    with h5py.File(name, "w") as file:
        for key, values in datasets.items():
            file[key] = values


def _hdf5(sentence: str, **datasets: NDArray[np.generic]) -> tuple[Step, ...]:
    """A net that reads one HDF5 file, `train.h5`, by its list."""
    return (
        Data(sentence, lambda folder: _h5(str(folder / "train.h5"), **datasets)),
        Write("train_h5.txt", "train.h5\n"),
        _layer("HDF5Data", 'hdf5_data_param { source: "train_h5.txt" batch_size: 16 }', ""),
    )


def _good_h5(folder: Path) -> None:
    _h5(str(folder / "train.h5"), data=_PIXELS, label=_LABELS)


_GOOD = (Data("`train.h5` has `data`, 64 x 3 x 8 x 8, and `label`, 64.", _good_h5),)
_IMAGES = 'image_data_param { source: "train.txt" batch_size: 8 shuffle: true }'


def _wide_photo(folder: Path) -> None:
    cv2.imwrite(str(folder / "photos/16.png"), np.full((8, 12, 3), 99, np.uint8))


def _large_mean(folder: Path) -> None:
    write_mean_file(folder / "large.binaryproto", np.full((3, 16, 16), 60, np.float32))


def _small_mean(folder: Path) -> None:
    write_mean_file(folder / "small.binaryproto", np.full((3, 4, 4), 60, np.float32))


def _npy_mean(folder: Path) -> None:
    np.save(folder / "mean.npy", read_mean(folder / "mean.binaryproto"))


def _two_files(folder: Path) -> None:
    _good_h5(folder)
    _h5(str(folder / "more.h5"), data=_PIXELS[:, :, :4, :4], label=_LABELS)


# An image in a window file: number, path, channels, height, width, and the windows in it, each
# with class, overlap and corners.
_WINDOW = """\
# 0
photos/00.png
3 8 8
4
1 0.9 0 0 7 7
2 0.8 1 1 7 7
3 0.8 0 1 7 7
0 0.1 0 0 3 3
"""


def _window_layer(settings: str = "") -> Replace:
    return _layer(
        "WindowData",
        'window_data_param { source: "windows.txt" batch_size: 4 }',
        f"  transform_param {{ scale: 0.00390625 crop_size: 8{settings} }}\n",
    )


EXAMPLES = (
    Example(
        rules.UNREADABLE_MEAN,
        (
            Data("The mean is saved by NumPy, as mean.npy.", _npy_mean),
            _transform('mean_file: "mean.npy"'),
        ),
        Stops("Check failed: ReadProtoFromBinaryFile(filename, proto)"),
        (Replace(_NET, '"mean.npy"', '"mean.binaryproto"'),),
    ),
    Example(
        rules.MEAN_OF_ANOTHER_SIZE,
        (
            Data("The mean in large.binaryproto is 3 x 16 x 16.", _large_mean),
            _transform('mean_file: "large.binaryproto"'),
        ),
        Stops("Check failed: datum_height == data_mean_.height() (8 vs. 16)"),
        (
            Shell("ssdh data mean train_lmdb new_mean.binaryproto"),
            Replace(_NET, '"large.binaryproto"', '"new_mean.binaryproto"'),
        ),
    ),
    Example(
        rules.MEAN_VALUE_COUNT,
        (_transform("mean_value: 104 mean_value: 117"),),
        Stops("Specify either 1 mean_value or as many as channels: 3"),
        (Replace(_NET, "mean_value: 117", "mean_value: 117 mean_value: 123"),),
    ),
    Example(
        rules.MEAN_FILE_AND_VALUES,
        (_transform('mean_file: "mean.binaryproto" mean_value: 104'),),
        Stops("Cannot specify mean_file and mean_value at the same time"),
        (Replace(_NET, " mean_value: 104", ""),),
    ),
    Example(
        rules.CROP_TOO_LARGE,
        (_transform("crop_size: 16"),),
        Stops("Check failed: datum_height >= crop_h (8 vs. 16)"),
        (Replace(_NET, "crop_size: 16", "crop_size: 8"),),
    ),
    Example(
        rules.TESTS_PREPARED_OTHERWISE,
        (Replace(_NET, _TEST, _TEST.replace(_SCALE, "")),),
        Runs(),
        (Replace(_NET, _TEST.replace(_SCALE, _TEST_DATA), _TEST + _TEST_DATA),),
    ),
    Example(
        rules.SCALE_OUT_OF_RANGE,
        (_both("scale: 255"),),
        Runs(),
        (_both("scale: 0.00390625", "scale: 255"),),
    ),
    Example(
        rules.MEAN_OUT_OF_RANGE,
        (_both("scale: 0.00390625 mean_value: 0.5"),),
        Runs(),
        (_both("scale: 0.00390625 mean_value: 127.5", "scale: 0.00390625 mean_value: 0.5"),),
    ),
    Example(
        rules.RAW_PIXELS,
        (_both(""),),
        Runs(),
        (_both("scale: 0.00390625", ""),),
    ),
    Example(
        rules.MIRRORED_TESTS,
        (_both("scale: 0.00390625 mirror: true"),),
        Runs(),
        (Replace(_NET, _test("scale: 0.00390625 mirror: true"), _TEST),),
    ),
    Example(
        rules.UNREADABLE_LIST,
        (Write("train.txt", ""), _layer("ImageData", _IMAGES)),
        Stops("Check failed: !lines_.empty() File is empty"),
        (Write("train.txt", "photos/00.png 0\nphotos/01.png 1\n"),),
    ),
    Example(
        rules.LINE_WITHOUT_PICTURE,
        (_layer("ImageData", _IMAGES), Append("train.txt", "\n")),
        Stops("Check failed: cv_img.data Could not load"),
        (Shell("sed -i '/^$/d' train.txt"),),
    ),
    Example(
        rules.SIZES_IN_A_BATCH,
        (
            _layer("ImageData", _IMAGES.replace(" shuffle: true", "")),
            Data("A photo, 16.png, has 12 x 8 pixels, not 8 x 8.", _wide_photo),
            Append("train.txt", "photos/16.png 1\n"),
        ),
        Stops("Input size incompatible with inner product parameters."),
        (Replace(_NET, "batch_size: 8 }", "batch_size: 8 new_height: 8 new_width: 8 }"),),
    ),
    Example(
        rules.COLOR_AND_GRAY,
        (
            Shell("rm -r train_lmdb"),
            Shell("ssdh data build train.txt train_lmdb --encoded"),
            _transform("force_color: true force_gray: true"),
        ),
        Stops("cannot set both force_color and force_gray"),
        (Replace(_NET, " force_gray: true", ""),),
    ),
    Example(
        rules.HDF5_AS_LIST,
        (
            *_hdf5("`train.h5` has `data` and `label`.", data=_PIXELS, label=_LABELS)[::2],
            Replace(_NET, '"train_h5.txt"', '"train.h5"'),
        ),
        Stops("Failed opening HDF5 file"),
        (Write("train_h5.txt", "train.h5\n"), Replace(_NET, '"train.h5"', '"train_h5.txt"')),
    ),
    Example(
        rules.UNREADABLE_HDF5,
        (
            *_hdf5("`train.h5` has `data` and `label`.", data=_PIXELS, label=_LABELS),
            Append("train_h5.txt", "more.h5\n"),
        ),
        Stops("Failed opening HDF5 file: more.h5"),
        (Replace("train_h5.txt", "more.h5\n", ""),),
    ),
    Example(
        rules.NO_DATASET,
        _hdf5("`train.h5` has `data` and `labels`.", data=_PIXELS, labels=_LABELS),
        Stops("Failed to get dataset ndims for label"),
        _GOOD,
    ),
    Example(
        rules.DATASET_ROWS,
        _hdf5(
            "`train.h5` has `data` of 64 rows and `label` of 63.",
            data=_PIXELS,
            label=_LABELS[:63],
        ),
        Stops("Check failed: hdf_blobs_[i]->shape(0) == num (63 vs. 64)"),
        _GOOD,
    ),
    Example(
        rules.DATASET_REFUSED,
        _hdf5(
            "`label` in `train.h5` is an array of strings.",
            data=_PIXELS,
            label=np.array([b"red"] * 64),
        ),
        Stops("Unsupported datatype class: H5T_STRING"),
        _GOOD,
    ),
    Example(
        rules.DATASETS_DIFFER,
        (
            Data(
                "`data` is 64 x 3 x 8 x 8 in train.h5, and 64 x 3 x 4 x 4 in more.h5.", _two_files
            ),
            Write("train_h5.txt", "train.h5\nmore.h5\n"),
            _layer("HDF5Data", 'hdf5_data_param { source: "train_h5.txt" batch_size: 16 }', ""),
        ),
        Runs(),
        (Replace("train_h5.txt", "more.h5\n", ""),),
    ),
    Example(
        rules.HDF5_UNCHECKED,
        _hdf5("`train.h5` has `data` and `label`.", data=_PIXELS, label=_LABELS),
        Runs(),
        machine=Machine("h5py is not installed.", without_package("h5py")),
    ),
    Example(
        rules.FED_BY_PROGRAM,
        (
            _layer(
                "MemoryData",
                "memory_data_param { batch_size: 16 channels: 3 height: 8 width: 8 }",
            ),
        ),
        Stops("MemoryDataLayer needs to be initialized by calling Reset"),
        (
            Replace(_NET, 'type: "MemoryData"', 'type: "Data"'),
            Replace(
                _NET,
                "memory_data_param { batch_size: 16 channels: 3 height: 8 width: 8 }",
                'data_param { source: "train_lmdb" batch_size: 16 backend: LMDB }',
            ),
        ),
    ),
    Example(
        rules.NO_REAL_DATA,
        (
            _layer(
                "DummyData",
                "dummy_data_param { shape { dim: 16 dim: 3 dim: 8 dim: 8 } shape { dim: 16 } }",
                "",
            ),
        ),
        Runs(),
        (
            Replace(
                _NET,
                'type: "DummyData"',
                'type: "Data"',
            ),
            Replace(
                _NET,
                "dummy_data_param { shape { dim: 16 dim: 3 dim: 8 dim: 8 } shape { dim: 16 } }",
                'data_param { source: "train_lmdb" batch_size: 16 backend: LMDB }',
            ),
        ),
    ),
    Example(
        rules.WINDOW_FILE,
        (
            Write("windows.txt", "photos/00.png 1\nphotos/01.png 2\n"),
            _window_layer(),
        ),
        Stops('Check failed: hashtag == "#" (photos/00.png vs. #)'),
        (Write("windows.txt", _WINDOW),),
    ),
    Example(
        rules.WINDOW_MEAN,
        (
            Write("windows.txt", _WINDOW),
            Data("The mean in small.binaryproto is 3 x 4 x 4.", _small_mean),
            _window_layer(' mean_file: "small.binaryproto"'),
        ),
        Runs(),
        (Replace(_NET, '"small.binaryproto"', '"mean.binaryproto"'),),
    ),
    Example(
        rules.PICTURE_OF_TWO_LABELS,
        (_layer("ImageData", _IMAGES), Append("train.txt", "photos/00.png 1\n")),
        Runs(),
        (Replace("train.txt", "photos/00.png 1\n", ""),),
    ),
)
