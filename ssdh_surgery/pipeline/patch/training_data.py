"""The data of a derived train net: its LMDBs, and how their records fit the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.mean import read_mean
from ssdh_surgery.errors import DataError, SurgeryError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text, size_text
from ssdh_surgery.pipeline.nets.data_shapes import Shape
from ssdh_surgery.pipeline.patch.pixel_presets import PixelPreset, preset_for
from ssdh_surgery.surgery.derive.records import Transform
from ssdh_surgery.surgery.solver.text import DataSize
from ssdh_surgery.surgery.verbs.data_layers import DataChoice

# The batch sizes of the authors' own fine-tuning, and of tests in Caffe's own nets.
_TRAIN_BATCH, _TEST_BATCH = 32, 50
_IMAGE_AXES = 4
_COLORS = 3
# The number of records whose labels are read: a large LMDB takes long to read in full.
_LABEL_RECORDS = 10_000

_MEAN_OPTIONS = "--mean-file or --mean-value sets"

# A mean file, or values per channel.
Mean = str | Sequence[Decimal]


@dataclass(frozen=True)
class Lmdb:
    """An LMDB: its path, and facts about its records.

    Attributes:
        source: the path, as the user named it.
        records: the number of records.
        shape: the (channels, height, width) of the first record.
        max_label: the largest label of the first `_LABEL_RECORDS` records.
    """

    source: str
    records: int
    shape: tuple[int, int, int]
    max_label: int


@dataclass(frozen=True)
class TrainingData:
    """The data for training and testing; `crop` is None where records have the input's size."""

    train: Lmdb
    test: Lmdb
    size: DataSize
    channels: int
    crop: int | None


def training_data(
    net: Net, blob: str, shape: Shape | None, train: DataChoice, test: DataChoice
) -> TrainingData:
    """Read the LMDBs for training and testing.

    Args:
        net: the deploy net.
        blob: its input.
        shape: the shape of the input; None where the net does not declare it.
        train: the LMDB and the batch size of training.
        test: those of testing.

    Raises:
        UsageError: an LMDB is not named.
        SurgeryError: the input does not hold images, or its shape is unknown.
        DataError: an LMDB cannot be read, or its records do not fit the input.
    """
    if train.source is None or test.source is None:
        missing = "--train-data" if train.source is None else "--test-data"
        raise UsageError(
            f"a train net derived from a deploy net needs {missing}",
            hint="ssdh patch deploy.prototxt --train-data LMDB --test-data LMDB",
        )
    if shape is None or len(shape) != _IMAGE_AXES:
        actual = "no shape" if shape is None else f"the shape {size_text(shape)}"
        raise SurgeryError(
            f"the input '{blob}' has {actual}, but data layers read images: N x C x H x W",
            location=Location(net.file),
            hint="declare it in the deploy net: input_shape { dim: 1 dim: C dim: H dim: W }",
            blob=blob,
        )
    train_lmdb, test_lmdb = _read(train.source), _read(test.source)
    crop = _crop([train_lmdb, test_lmdb], blob, (shape[1], shape[2], shape[3]))
    size = DataSize(
        train_lmdb.records,
        train.batch or min(_TRAIN_BATCH, train_lmdb.records),
        test_lmdb.records,
        test.batch or min(_TEST_BATCH, test_lmdb.records),
    )
    return TrainingData(train_lmdb, test_lmdb, size, shape[1], crop)


def _read(source: str) -> Lmdb:
    with LmdbStore(source) as store:
        label = store.scan_labels(_LABEL_RECORDS).maximum
        return Lmdb(source, len(store), store.record_shape(), label)


def _crop(lmdbs: list[Lmdb], blob: str, shape: tuple[int, int, int]) -> int | None:
    """The crop that fits records to the input; None where they have its size."""
    channels, height, width = shape
    for lmdb in lmdbs:
        own_channels, own_height, own_width = lmdb.shape
        # Caffe crops squares.
        is_larger = height == width and own_height >= height and own_width >= width
        if own_channels != channels or not (is_larger or lmdb.shape == shape):
            gray = " --gray" if channels == 1 else ""
            raise DataError(
                f"its records are {size_text(lmdb.shape)}, but the input '{blob}' is "
                f"{size_text(shape)}",
                location=Location(lmdb.source),
                hint=f"ssdh data build --resize {width}x{height}{gray} makes records that fit",
            )
    return height if any(lmdb.shape != shape for lmdb in lmdbs) else None


def labels_note(data: TrainingData, classes: int | None) -> str | None:
    """A note on labels that do not use all classes, or need classes; None where they fit.

    Raises:
        DataError: a label is out of range, which Caffe does not check.
    """
    for lmdb in (data.train, data.test):
        if classes is not None and lmdb.max_label >= classes:
            raise DataError(
                f"label {lmdb.max_label} is out of range: the classifier has num_output {classes}",
                location=Location(lmdb.source),
                hint=f"--classes {lmdb.max_label + 1}",
            )
    count = max(data.train.max_label, data.test.max_label) + 1
    if classes is None:
        return f"the classifier states no num_output; the labels read need --classes {count}"
    if count == classes:
        return None
    return (
        f"the classifier has {count_text(classes, 'class', 'classes')}, but the labels read use "
        f"only {count}: --classes {count}, if there are no others"
    )


def pixels(
    net: Net, blob: str, data: TrainingData, mean: Mean | None
) -> tuple[Transform, list[str]]:
    """The transform of the records, and notes on where it comes from.

    Args:
        net: the deploy net, which has no transform itself.
        blob: its input, which the data layers are named after.
        data: the records.
        mean: a mean file, or values per channel; None for those of the net's family.

    Raises:
        DataError: the mean file cannot be read, or its size is not that of the records.
        UsageError: the number of mean values is neither one nor that of the channels.
    """
    preset = preset_for(net.layers)
    if mean is not None:
        _refuse_unfit_mean(mean, data)
    notes = _pixel_notes(preset, blob, has_mean=mean is not None)
    if mean is None and preset is not None:
        mean = preset.mean
    mirror = data.channels == _COLORS if preset is None else preset.mirror
    scale = preset.scale if preset else None
    return Transform(data.crop, mean, scale, mirror), notes


def _pixel_notes(preset: PixelPreset | None, layer: str, *, has_mean: bool) -> list[str]:
    """Notes on what is assumed of the pixels, for data layers of a name.

    Args:
        preset: that of the net's family.
        layer: the name of the data layers.
        has_mean: whether the user set a mean.
    """
    if preset is None:
        unknown = (
            "the net belongs to no known family, so the scaling of its pixels is unknown: compare "
            "transform_param with the source of the net"
        )
        return [unknown] if has_mean else [unknown, f"no mean is subtracted: {_MEAN_OPTIONS} one"]
    scale = "pixels from 0 to 255" if preset.scale is None else f"scale {preset.scale}"
    same = f"as in the built-in network {preset.family}, whose layers these are"
    if has_mean or not preset.mean:
        notes = [f"layer '{layer}': {scale}, assumed {same}"]
        if preset.mean_file and not has_mean:
            notes.append(
                f"layer '{layer}': no mean is subtracted, but {preset.family} was trained with "
                f"that of its own records, {preset.mean_file}: {_MEAN_OPTIONS} one"
            )
        return notes
    order = " (blue, green, red)" if len(preset.mean) == _COLORS else ""
    mean = f"mean {', '.join(map(str, preset.mean))}{order}"
    means = f" (the channel means of its {preset.mean_file})" if preset.mean_file else ""
    return [
        f"layer '{layer}': {mean} and {scale}, assumed {same}{means}: {_MEAN_OPTIONS} another mean"
    ]


def _refuse_unfit_mean(mean: Mean, data: TrainingData) -> None:
    if not isinstance(mean, str):
        if len(mean) not in (1, data.channels):
            raise UsageError(
                f"{count_text(len(mean), 'mean value')} for {count_text(data.channels, 'channel')}"
            )
        return
    shape = read_mean(mean).shape
    for lmdb in (data.train, data.test):
        if shape != lmdb.shape:
            raise DataError(
                f"the mean is {size_text(shape)}, but the records of {lmdb.source} are "
                f"{size_text(lmdb.shape)}; Caffe subtracts it before the crop, so they must be "
                "equal",
                location=Location(mean),
                hint=f"ssdh data mean {data.train.source}",
            )
