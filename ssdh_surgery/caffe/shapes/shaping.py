"""Shapes of layers that rearrange or reduce the values of one blob."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult, Shape, count

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ReshapeParameter


def flatten(setup: LayerSetup) -> SetupResult:
    """The axes from `axis` to `end_axis` joined into one."""
    parameter = setup.param.flatten_param
    shape = setup.bottoms[0]
    start = setup.axis(parameter.axis, field="flatten_param.axis")
    end = setup.axis(parameter.end_axis, field="flatten_param.end_axis") + 1
    setup.check(
        start <= end,
        f"Check failed: start_axis <= end_axis ({start} vs. {end})",
        field="flatten_param.end_axis",
    )
    return SetupResult([(*shape[:start], count(shape, start, end), *shape[end:])])


def reshape(setup: LayerSetup) -> SetupResult:
    """Axes replaced by others: 0 copies the size of the bottom, -1 is inferred."""
    parameter = setup.param.reshape_param
    dims = list(parameter.shape.dim)
    setup.check(
        dims.count(-1) <= 1,
        "new shape contains multiple -1 dims; at most a single (1) value of -1 may be specified",
        field="reshape_param.shape",
    )
    shape = setup.bottoms[0]
    start, end = _replaced_axes(setup, parameter, len(shape))
    for place, dim in enumerate(dims):
        if dim == 0:
            setup.check(
                start + place < len(shape),
                "new shape contains a 0, but there was no corresponding bottom axis to copy "
                f"({len(shape)} vs. {start + place})",
                field="reshape_param.shape",
            )
            dims[place] = shape[start + place]
    if -1 in dims:
        place = dims.index(-1)
        dims[place] = _inferred_size(setup, shape[:start] + tuple(dims) + shape[end:])
    top = (*shape[:start], *dims, *shape[end:])
    setup.check(
        count(top) == count(shape),
        f"output count must match input count ({count(top)} vs. {count(shape)})",
        field="reshape_param.shape",
    )
    setup.check_shared()
    return SetupResult([top])


def _replaced_axes(setup: LayerSetup, parameter: ReshapeParameter, axes: int) -> tuple[int, int]:
    """The range of axes of the bottom that are replaced: first, and one past the last."""
    axis, num_axes = parameter.axis, parameter.num_axes
    start = axis if axis >= 0 else axes + axis + 1
    setup.check(start >= 0, f"axis {axis} out of range", field="reshape_param.axis")
    setup.check(
        start <= axes,
        f"axis {axis} out of range for {axes}-D input blob",
        field="reshape_param.axis",
    )
    setup.check(
        num_axes >= -1,
        "num_axes must be >= 0, or -1 for all",
        field="reshape_param.num_axes",
    )
    end = axes if num_axes == -1 else start + num_axes
    setup.check(
        end <= axes,
        f"end_axis = axis + num_axes is out of range ({end} vs. {axes})",
        field="reshape_param.num_axes",
    )
    return start, end


def _inferred_size(setup: LayerSetup, shape: Shape) -> int:
    """The size that replaces the single -1 of a shape."""
    values, product = count(setup.bottoms[0]), -count(shape)
    setup.check(
        product != 0 and values % product == 0,
        f"bottom count ({values}) must be divisible by the product of the specified dimensions "
        f"({product})",
        field="reshape_param.shape",
    )
    return values // product


def reduction(setup: LayerSetup) -> SetupResult:
    """The axes from `axis` on reduced to one value."""
    axis = setup.axis(setup.param.reduction_param.axis, field="reduction_param.axis")
    return SetupResult([setup.bottoms[0][:axis]])


def tile(setup: LayerSetup) -> SetupResult:
    """A blob repeated along an axis."""
    parameter = setup.param.tile_param
    axis = setup.axis(parameter.axis, field="tile_param.axis")
    tiles = parameter.tiles
    setup.check(
        parameter.HasField("tiles"), "Number of tiles must be specified", field="tile_param.tiles"
    )
    setup.check(tiles > 0, "Number of tiles must be positive.", field="tile_param.tiles")
    shape = setup.bottoms[0]
    return SetupResult([(*shape[:axis], shape[axis] * tiles, *shape[axis + 1 :])])


def arg_max(setup: LayerSetup) -> SetupResult:
    """The positions of the largest values, per item or along an axis."""
    parameter = setup.param.argmax_param
    shape, top_k = setup.bottoms[0], parameter.top_k
    field = "argmax_param.top_k"
    setup.check(top_k >= 1, "top k must not be less than 1.", field=field)
    if parameter.HasField("axis"):
        axis = setup.axis(parameter.axis, field="argmax_param.axis")
        setup.check(
            top_k <= shape[axis],
            "top_k must be less than or equal to the dimension of the axis. "
            f"({top_k} vs. {shape[axis]})",
            field=field,
        )
        return SetupResult([(*shape[:axis], top_k, *shape[axis + 1 :])])
    setup.check(
        len(shape) > 0,
        "Check failed: start_axis <= end_axis (1 vs. 0)",
        bottom=0,
        hint="the bottom is a scalar",
    )
    items = setup.size(0)
    setup.check(
        top_k <= count(shape, 1),
        "top_k must be less than or equal to the dimension of the flattened bottom blob per "
        f"instance. ({top_k} vs. {count(shape, 1)})",
        field=field,
    )
    values = 2 if parameter.out_max_val else 1
    return SetupResult([(items, values, top_k, *[1] * (len(shape) - 3))])
