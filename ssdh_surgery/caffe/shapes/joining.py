"""Shapes of layers that join, split or select blobs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult, shape_string

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ConcatParameter, SliceParameter


def _joined_axis(setup: LayerSetup, parameter: ConcatParameter | SliceParameter, name: str) -> int:
    """The axis of a Concat or Slice, which also has an older field for it."""
    old = f"{name}_dim"
    setup.check(
        not (parameter.HasField("axis") and parameter.HasField(old)),
        f"Either axis or {old} should be specified; not both.",
        field=f"{name}_param.{old}",
    )
    if not parameter.HasField(old):
        return setup.axis(parameter.axis, field=f"{name}_param.axis")
    axis: int = getattr(parameter, old)
    axes = len(setup.bottoms[0])
    setup.check(
        axis < axes, f"{old} out of range. ({axis} vs. {axes})", field=f"{name}_param.{old}"
    )
    return axis


def concat(setup: LayerSetup) -> SetupResult:
    """Blobs concatenated along an axis."""
    axis = _joined_axis(setup, setup.param.concat_param, "concat")
    top = list(setup.bottoms[0])
    for index, shape in enumerate(setup.bottoms[1:], 1):
        setup.check(
            len(shape) == len(top),
            f"All inputs must have the same #axes. ({len(top)} vs. {len(shape)})",
            bottom=index,
        )
        for place, size in enumerate(shape):
            setup.check(
                place == axis or size == top[place],
                "All inputs must have the same shape, except at concat_axis. "
                f"({top[place]} vs. {size})",
                bottom=index,
                hint=f"bottom[0]: {shape_string(setup.bottoms[0])}, bottom[{index}]: "
                f"{shape_string(shape)}; concat_axis is {axis}",
            )
        top[axis] += shape[axis]
    if len(setup.bottoms) == 1:
        setup.check_shared()
    return SetupResult([tuple(top)])


def slice_(setup: LayerSetup) -> SetupResult:
    """A blob cut along an axis, at stated points or into equal parts."""
    parameter = setup.param.slice_param
    axis = _joined_axis(setup, parameter, "slice")
    shape = setup.bottoms[0]
    points = list(parameter.slice_point)
    if points:
        _check_points(setup, points, axis)
        sizes = [after - before for before, after in pairwise([0, *points, shape[axis]])]
    else:
        setup.check(
            shape[axis] % setup.tops == 0,
            f"Number of top blobs ({setup.tops}) should evenly divide input slice axis "
            f"({shape[axis]})",
            field="top",
        )
        sizes = [shape[axis] // setup.tops] * setup.tops
    if setup.tops == 1:
        setup.check_shared()
    return SetupResult([(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes])


def _check_points(setup: LayerSetup, points: list[int], axis: int) -> None:
    field = "slice_param.slice_point"
    shape = setup.bottoms[0]
    setup.check(
        len(points) == setup.tops - 1,
        f"Check failed: slice_point_.size() == top.size() - 1 ({len(points)} vs. {setup.tops - 1})",
        field=field,
    )
    setup.check(
        setup.tops <= shape[axis],
        f"slice axis: {axis}, bottom[0] shape: {shape_string(shape)} "
        f"({setup.tops} vs. {shape[axis]})",
        field=field,
    )
    for before, after in pairwise([0, *points]):
        setup.check(
            after > before,
            f"Check failed: slice_point_[i] > prev ({after} vs. {before})",
            field=field,
        )
    setup.check(
        points[-1] <= shape[axis],
        f"Check failed: shape[i] >= 0 ({shape[axis] - points[-1]} vs. 0)",
        field=field,
        hint=f"the axis has size {shape[axis]}, and the last slice_point is {points[-1]}",
    )


def eltwise(setup: LayerSetup) -> SetupResult:
    """Blobs of one shape, added, multiplied or compared."""
    parameter = setup.param.eltwise_param
    coefficients = len(parameter.coeff)
    setup.check(
        coefficients in (0, len(setup.bottoms)),
        "Eltwise Layer takes one coefficient per bottom blob.",
        field="eltwise_param.coeff",
    )
    setup.check(
        not (parameter.operation == parameter.PROD and coefficients),
        "Eltwise layer only takes coefficients for summation.",
        field="eltwise_param.coeff",
    )
    first = setup.bottoms[0]
    for index, shape in enumerate(setup.bottoms[1:], 1):
        setup.check(
            shape == first,
            f"bottom[0]: {shape_string(first)}, bottom[{index}]: {shape_string(shape)}",
            bottom=index,
            hint="all bottoms of an Eltwise need the same shape",
        )
    return SetupResult([first])


def split(setup: LayerSetup) -> SetupResult:
    """The same blob several times."""
    return SetupResult([setup.bottoms[0]] * setup.tops)


def sink(setup: LayerSetup) -> SetupResult:
    """A layer without tops."""
    return SetupResult([])


def filter_(setup: LayerSetup) -> SetupResult:
    """The items selected by the last bottom; assumed to be all of them before a run."""
    *blobs, selector = setup.bottoms
    setup.check(
        setup.tops == len(blobs),
        f"Check failed: top.size() == bottom.size() - 1 ({setup.tops} vs. {len(blobs)})",
        field="top",
    )
    setup.check(
        all(size == 1 for size in selector[1:]),
        "Selector blob dimensions must be singletons (1), except the first",
        bottom=len(blobs),
    )
    items = setup.size(0, len(blobs))
    for index in range(len(blobs)):
        size = setup.size(0, index)
        setup.check(
            size == items,
            "Each bottom should have the same 0th dimension as the selector blob "
            f"({items} vs. {size})",
            bottom=index,
        )
    return SetupResult(list(blobs))


def batch_reindex(setup: LayerSetup) -> SetupResult:
    """The items indexed by the second bottom."""
    shape, index = setup.bottoms
    setup.check(
        len(index) == 1,
        f"Check failed: 1 == bottom[1]->num_axes() (1 vs. {len(index)})",
        bottom=1,
    )
    return SetupResult([(*index, *shape[1:])])


def crop(setup: LayerSetup) -> SetupResult:
    """The first bottom cropped to the size of the second, from an axis on."""
    parameter = setup.param.crop_param
    shape = setup.bottoms[0]
    start = setup.axis(parameter.axis, field="crop_param.axis")
    offsets = list(parameter.offset)
    if len(offsets) > 1:
        setup.check(
            start + len(offsets) == len(shape),
            "number of offset values specified must be equal to the number of dimensions "
            f"following axis. ({start + len(offsets)} vs. {len(shape)})",
            field="crop_param.offset",
        )
    else:
        offsets = (offsets or [0]) * (len(shape) - start)
    top = list(shape[:start])
    for axis, offset in enumerate(offsets, start):
        size = setup.size(axis, 1)
        setup.check(
            shape[axis] - offset >= size,
            f"the crop for dimension {axis} is out-of-bounds with size {size} and offset "
            f"{offset} ({shape[axis] - offset} vs. {size})",
            bottom=1,
        )
        top.append(size)
    return SetupResult([tuple(top)])
