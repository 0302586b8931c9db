"""Shapes of layers that bring data, as far as their settings say; None where only data knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult, Shape

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import TransformationParameter

Value = TypeVar("Value")

_COLORS = 3


def data(subject: LayerSetup) -> SetupResult:
    """Records of a database: known where they are cropped."""
    batch, crop = subject.param.data_param.batch_size, subject.param.transform_param.crop_size
    if not crop:
        return _with_labels(subject, None, batch)
    channels, note = _channels(subject.param.transform_param)
    return _with_labels(subject, (batch, channels, crop, crop), batch, note)


def image_data(subject: LayerSetup) -> SetupResult:
    """Pictures of a list: known where they are resized or cropped."""
    parameter = subject.param.image_data_param
    tall, wide, batch = parameter.new_height, parameter.new_width, parameter.batch_size
    crop = subject.param.transform_param.crop_size
    subject.check(
        bool(tall) == bool(wide),
        "Current implementation requires new_height and new_width to be set at the same time.",
        field=f"image_data_param.{'new_height' if tall else 'new_width'}",
    )
    for name, size in (("img_height", tall), ("img_width", wide)):
        subject.check(
            not size or size >= crop,
            f"Check failed: {name} >= crop_size ({size} vs. {crop})",
            field="transform_param.crop_size",
        )
    subject.check(batch > 0, "Positive batch size required", field="image_data_param.batch_size")
    channels = _COLORS if parameter.is_color else 1
    tall, wide = crop or tall, crop or wide
    return _with_labels(subject, (batch, channels, tall, wide) if tall else None, batch)


def window_data(subject: LayerSetup) -> SetupResult:
    """Windows of pictures, warped to a square."""
    batch = subject.param.window_data_param.batch_size
    crop = subject.param.transform_param.crop_size
    subject.check(
        crop > 0,
        "Check failed: crop_size > 0 (0 vs. 0)",
        field="transform_param.crop_size",
        hint="crop_size is missing",
    )
    channels, note = _channels(subject.param.transform_param)
    return _with_labels(subject, (batch, channels, crop, crop), batch, note)


def hdf5_data(subject: LayerSetup) -> SetupResult:
    """Arrays of files: only these know."""
    subject.check(
        not subject.param.HasField("transform_param"),
        "HDF5Data does not transform data.",
        field="transform_param",
    )
    return SetupResult([None] * subject.tops)


def memory_data(subject: LayerSetup) -> SetupResult:
    """Arrays that a program hands over, of declared sizes."""
    memory = subject.param.memory_data_param
    shape = (memory.batch_size, memory.channels, memory.height, memory.width)
    subject.check(
        min(shape) > 0,
        "batch_size, channels, height, and width must be specified and positive in "
        "memory_data_param",
        field="memory_data_param",
    )
    return _with_labels(subject, shape, memory.batch_size)


def _with_labels(
    subject: LayerSetup, shape: Shape | None, batch: int, note: str | None = None
) -> SetupResult:
    """Data, and labels as many as there are items."""
    known = subject.given[0] if subject.given else None
    return SetupResult([shape, (known[0] if known else batch,)][: subject.tops], note=note)


def _channels(transform: TransformationParameter) -> tuple[int, str | None]:
    """The channels of cropped records, and a note where nothing says how many there are."""
    if transform.force_gray:
        return 1, None
    if transform.force_color:
        return _COLORS, None
    if len(transform.mean_value) > 1:
        return len(transform.mean_value), None
    return _COLORS, f"{_COLORS} channels are taken for granted"


def input_(subject: LayerSetup) -> SetupResult:
    """Blobs that a program fills: known where their shapes are declared."""
    shapes = [tuple(shape.dim) for shape in subject.param.input_param.shape]
    subject.check(
        len(shapes) in (0, 1, subject.tops),
        "Must specify 'shape' once, once per top blob, or not at all: "
        f"{subject.tops} tops vs. {len(shapes)} shapes.",
        field="input_param.shape",
    )
    if not shapes:
        return SetupResult([None] * subject.tops)
    return SetupResult(shapes * subject.tops if len(shapes) == 1 else shapes)


def dummy_data(subject: LayerSetup) -> SetupResult:
    """Blobs that fillers fill."""
    dummy, tops = subject.param.dummy_data_param, subject.tops
    fillers = len(dummy.data_filler)
    subject.check(
        fillers in (0, 1, tops),
        f"Number of data fillers must be 0, 1 or equal to the number of tops: {tops}; you "
        f"specified {fillers} data fillers.",
        field="dummy_data_param.data_filler",
    )
    names = ("num", "channels", "height", "width")
    legacy = {name: list(getattr(dummy, name)) for name in names}
    if not any(legacy.values()):
        return SetupResult(_for_each_top(subject, "shape", [tuple(s.dim) for s in dummy.shape]))
    subject.check(
        not dummy.shape,
        f"Both shape and legacy fields were specified (0 vs. {len(dummy.shape)})",
        field="dummy_data_param.shape",
    )
    sizes = [_for_each_top(subject, name, legacy[name]) for name in names]
    return SetupResult([tuple(shape) for shape in zip(*sizes, strict=True)])


def _for_each_top(subject: LayerSetup, name: str, values: list[Value]) -> list[Value]:
    subject.check(
        len(values) in (1, subject.tops),
        f"Must specify '{name}' once, or once per top blob ({subject.tops}); specified "
        f"{len(values)}.",
        field=f"dummy_data_param.{name}",
    )
    return values * subject.tops if len(values) == 1 else values
