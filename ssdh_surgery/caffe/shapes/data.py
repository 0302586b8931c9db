"""Shapes of data layers: known from their settings, or None where they depend on the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult, Shape

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import TransformationParameter

Value = TypeVar("Value")

_COLORS = 3


def data(setup: LayerSetup) -> SetupResult:
    """Records of a database: known if they are cropped."""
    batch, crop = setup.param.data_param.batch_size, setup.param.transform_param.crop_size
    if not crop:
        return _with_labels(setup, None, batch)
    channels, note = _channels(setup.param.transform_param)
    return _with_labels(setup, (batch, channels, crop, crop), batch, note)


def image_data(setup: LayerSetup) -> SetupResult:
    """Images of a list: known if they are resized or cropped."""
    parameter = setup.param.image_data_param
    tall, wide, batch = parameter.new_height, parameter.new_width, parameter.batch_size
    crop = setup.param.transform_param.crop_size
    setup.check(
        bool(tall) == bool(wide),
        "Current implementation requires new_height and new_width to be set at the same time.",
        field=f"image_data_param.{'new_height' if tall else 'new_width'}",
    )
    for name, size in (("img_height", tall), ("img_width", wide)):
        setup.check(
            not size or size >= crop,
            f"Check failed: {name} >= crop_size ({size} vs. {crop})",
            field="transform_param.crop_size",
        )
    setup.check(batch > 0, "Positive batch size required", field="image_data_param.batch_size")
    channels = _COLORS if parameter.is_color else 1
    tall, wide = crop or tall, crop or wide
    return _with_labels(setup, (batch, channels, tall, wide) if tall else None, batch)


def window_data(setup: LayerSetup) -> SetupResult:
    """Windows of images, warped to a square."""
    batch = setup.param.window_data_param.batch_size
    crop = setup.param.transform_param.crop_size
    setup.check(
        crop > 0,
        "Check failed: crop_size > 0 (0 vs. 0)",
        field="transform_param.crop_size",
        hint="crop_size is missing",
    )
    channels, note = _channels(setup.param.transform_param)
    return _with_labels(setup, (batch, channels, crop, crop), batch, note)


def hdf5_data(setup: LayerSetup) -> SetupResult:
    """Arrays in files: known only from the files."""
    setup.check(
        not setup.param.HasField("transform_param"),
        "HDF5Data does not transform data.",
        field="transform_param",
    )
    return SetupResult([None] * setup.tops)


def memory_data(setup: LayerSetup) -> SetupResult:
    """Arrays that a program passes in, of declared sizes."""
    memory = setup.param.memory_data_param
    shape = (memory.batch_size, memory.channels, memory.height, memory.width)
    setup.check(
        min(shape) > 0,
        "batch_size, channels, height, and width must be specified and positive in "
        "memory_data_param",
        field="memory_data_param",
    )
    return _with_labels(setup, shape, memory.batch_size)


def _with_labels(
    setup: LayerSetup, shape: Shape | None, batch: int, note: str | None = None
) -> SetupResult:
    """Data, and one label per item."""
    data_shape = setup.top_shapes[0] if setup.top_shapes else None
    return SetupResult([shape, (data_shape[0] if data_shape else batch,)][: setup.tops], note=note)


def _channels(transform: TransformationParameter) -> tuple[int, str | None]:
    """The channels of cropped records, and a note if the number is an assumption."""
    if transform.force_gray:
        return 1, None
    if transform.force_color:
        return _COLORS, None
    if len(transform.mean_value) > 1:
        return len(transform.mean_value), None
    return _COLORS, f"assuming {_COLORS} channels"


def input_(setup: LayerSetup) -> SetupResult:
    """Blobs that a program fills: known if their shapes are declared."""
    shapes = [tuple(shape.dim) for shape in setup.param.input_param.shape]
    setup.check(
        len(shapes) in (0, 1, setup.tops),
        "Must specify 'shape' once, once per top blob, or not at all: "
        f"{setup.tops} tops vs. {len(shapes)} shapes.",
        field="input_param.shape",
    )
    if not shapes:
        return SetupResult([None] * setup.tops)
    return SetupResult(shapes * setup.tops if len(shapes) == 1 else shapes)


def dummy_data(setup: LayerSetup) -> SetupResult:
    """Blobs filled by fillers."""
    dummy, tops = setup.param.dummy_data_param, setup.tops
    fillers = len(dummy.data_filler)
    setup.check(
        fillers in (0, 1, tops),
        f"Number of data fillers must be 0, 1 or equal to the number of tops: {tops}; you "
        f"specified {fillers} data fillers.",
        field="dummy_data_param.data_filler",
    )
    names = ("num", "channels", "height", "width")
    legacy = {name: list(getattr(dummy, name)) for name in names}
    if not any(legacy.values()):
        return SetupResult(_for_each_top(setup, "shape", [tuple(s.dim) for s in dummy.shape]))
    setup.check(
        not dummy.shape,
        f"Both shape and legacy fields were specified (0 vs. {len(dummy.shape)})",
        field="dummy_data_param.shape",
    )
    sizes = [_for_each_top(setup, name, legacy[name]) for name in names]
    return SetupResult([tuple(shape) for shape in zip(*sizes, strict=True)])


def _for_each_top(setup: LayerSetup, name: str, values: list[Value]) -> list[Value]:
    setup.check(
        len(values) in (1, setup.tops),
        f"Must specify '{name}' once, or once per top blob ({setup.tops}); specified "
        f"{len(values)}.",
        field=f"dummy_data_param.{name}",
    )
    return values * setup.tops if len(values) == 1 else values
