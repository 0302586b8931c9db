"""The data that a derived train net reads: counted, measured, and fitted to the net's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.data.mean import read_mean
from ssdh_surgery.errors import DataError, SurgeryError, UsageError
from ssdh_surgery.location import Location
from ssdh_surgery.names import size_text
from ssdh_surgery.pipeline.nets.data_shapes import Shape
from ssdh_surgery.pipeline.patch.pixel_presets import Preset, preset_for
from ssdh_surgery.surgery.derive.train import Transform
from ssdh_surgery.surgery.solver.text import DataSize
from ssdh_surgery.surgery.verbs.data_layers import DataChoice

# As many pictures as the authors' own fine-tuning takes, and as Caffe's own nets test.
_TRAIN_BATCH, _TEST_BATCH = 32, 50
_IMAGE_AXES = 4
_COLORS = 3
# Labels are looked at in so many records: reading all of a large LMDB takes its time.
_LABELS_SEEN = 10_000

# A mean file, or values per channel.
Mean = str | Sequence[Decimal]


@dataclass(frozen=True)
class Lmdb:
    """An LMDB as it was named: its records, and the (channels, height, width) of the first.

    `label` is the largest one of its first records.
    """

    source: str
    records: int
    shape: tuple[int, int, int]
    label: int


@dataclass(frozen=True)
class TrainingData:
    """What is trained and tested with; `crop` is None where records fit the input exactly."""

    train: Lmdb
    test: Lmdb
    size: DataSize
    channels: int
    crop: int | None


def training_data(
    net: Net, blob: str, shape: Shape | None, train: DataChoice, test: DataChoice
) -> TrainingData:
    """Read what there is to train and test with.

    Args:
        net: the deploy net.
        blob: its input.
        shape: the input's shape, None where the net does not declare it.
        train: the LMDB and batch of training.
        test: those of testing.

    Raises:
        UsageError: an LMDB is not named.
        SurgeryError: the input is no picture, or of unknown shape.
        DataError: an LMDB cannot be read, or its records do not fit the input.
    """
    if train.source is None or test.source is None:
        missing = "--train-data" if train.source is None else "--test-data"
        raise UsageError(
            f"a train net for a deploy net needs {missing}",
            hint="ssdh patch deploy.prototxt --train-data LMDB --test-data LMDB",
        )
    if shape is None or len(shape) != _IMAGE_AXES:
        told = "no shape" if shape is None else f"the shape {size_text(shape)}"
        raise SurgeryError(
            f"the input '{blob}' has {told}, and data layers read pictures: N x C x H x W",
            location=Location(net.file),
            hint="declare it in the deploy net: input_shape { dim: 1 dim: C dim: H dim: W }",
            blob=blob,
        )
    found = [_read(source) for source in (train.source, test.source)]
    crop = _crop(found, blob, (shape[1], shape[2], shape[3]))
    size = DataSize(
        found[0].records,
        train.batch or min(_TRAIN_BATCH, found[0].records),
        found[1].records,
        test.batch or min(_TEST_BATCH, found[1].records),
    )
    return TrainingData(found[0], found[1], size, shape[1], crop)


def _read(source: str) -> Lmdb:
    with LmdbStore(source) as store:
        label = store.scan_labels(_LABELS_SEEN).maximum
        return Lmdb(source, len(store), store.record_shape(), label)


def _crop(found: list[Lmdb], blob: str, wanted: tuple[int, int, int]) -> int | None:
    """The crop that makes the input of records, None where they have its size."""
    channels, height, width = wanted
    for lmdb in found:
        own_channels, own_height, own_width = lmdb.shape
        # Caffe crops squares.
        is_larger = height == width and own_height >= height and own_width >= width
        if own_channels != channels or not (is_larger or lmdb.shape == wanted):
            gray = " --gray" if channels == 1 else ""
            raise DataError(
                f"its records are {size_text(lmdb.shape)}, and the input '{blob}' is "
                f"{size_text(wanted)}",
                location=Location(lmdb.source),
                hint=f"ssdh data build --resize {width}x{height}{gray} makes records that fit",
            )
    return height if any(lmdb.shape != wanted for lmdb in found) else None


def labels_note(data: TrainingData, classes: int | None) -> str | None:
    """What a user should know of labels and classes; None where they go together.

    Raises:
        DataError: a label is none of the classes, which Caffe would not tell.
    """
    for lmdb in (data.train, data.test):
        if classes is not None and lmdb.label >= classes:
            raise DataError(
                f"label {lmdb.label} is none of the {classes} classes of the classifier",
                location=Location(lmdb.source),
                hint=f"--classes {lmdb.label + 1}",
            )
    seen = max(data.train.label, data.test.label) + 1
    if classes is None or seen == classes:
        return None
    return (
        f"the classifier has {classes} classes, and the labels seen need {seen}: "
        f"--classes {seen}, if these are all"
    )


def pixels(net: Net, data: TrainingData, mean: Mean | None) -> tuple[Transform, list[str]]:
    """What is done to the pixels of records, and where that was taken from.

    Args:
        net: the deploy net, in which no transform stands.
        data: the records.
        mean: a mean file, or values per channel, as they were given; None for the family's.

    Raises:
        DataError: the mean file cannot be read, or is of another size than the records.
        UsageError: there are neither one nor as many mean values as channels.
    """
    preset = preset_for(net.layers)
    if mean is not None:
        _refuse_unfit_mean(mean, data)
    elif preset is not None:
        mean = preset.mean
    notes = [_told(preset)]
    if mean is None and (preset is None or preset.has_mean):
        notes.append("no mean is subtracted: --mean-file or --mean-value gives it")
    mirror = data.channels == _COLORS if preset is None else preset.mirror
    scale = preset.scale if preset else None
    return Transform(data.crop, mean, scale, mirror), notes


def _told(preset: Preset | None) -> str:
    """Where the transform comes from."""
    if preset is None:
        return (
            "the net is of no known family, so how its pixels were scaled is not known: compare "
            "transform_param with where the net comes from"
        )
    mean = f"mean {', '.join(map(str, preset.mean))} (blue, green, red)" if preset.mean else ""
    scale = f"scale {preset.scale}" if preset.scale else ""
    done = " and ".join(filter(None, [mean, scale]))
    return f"the layers are those of {preset.family}: {done or 'raw pixels'}{preset.note}"


def _refuse_unfit_mean(mean: Mean, data: TrainingData) -> None:
    if not isinstance(mean, str):
        if len(mean) not in (1, data.channels):
            raise UsageError(f"{len(mean)} mean values for {data.channels} channels")
        return
    shape = read_mean(mean).shape
    for lmdb in (data.train, data.test):
        if shape != lmdb.shape:
            raise DataError(
                f"the mean is {size_text(shape)}, the records of {lmdb.source} "
                f"{size_text(lmdb.shape)}; Caffe subtracts it before the crop, so they must be "
                "equal",
                location=Location(mean),
                hint=f"ssdh data mean {data.train.source}",
            )
