"""Shapes of layers that join, part or choose among blobs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, SetupResult, shape_string

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ConcatParameter, SliceParameter


def _joined_axis(
    subject: LayerSetup, parameter: ConcatParameter | SliceParameter, name: str
) -> int:
    """The axis of a Concat or Slice, which has an older field of the same meaning."""
    old = f"{name}_dim"
    subject.check(
        not (parameter.HasField("axis") and parameter.HasField(old)),
        f"Either axis or {old} should be specified; not both.",
        field=f"{name}_param.{old}",
    )
    if not parameter.HasField(old):
        return subject.axis(parameter.axis, field=f"{name}_param.axis")
    axis: int = getattr(parameter, old)
    found = len(subject.bottoms[0])
    subject.check(
        axis < found, f"{old} out of range. ({axis} vs. {found})", field=f"{name}_param.{old}"
    )
    return axis


def concat(subject: LayerSetup) -> SetupResult:
    """Blobs behind one another along an axis."""
    axis = _joined_axis(subject, subject.param.concat_param, "concat")
    top = list(subject.bottoms[0])
    for index, shape in enumerate(subject.bottoms[1:], 1):
        subject.check(
            len(shape) == len(top),
            f"All inputs must have the same #axes. ({len(top)} vs. {len(shape)})",
            bottom=index,
        )
        for place, size in enumerate(shape):
            subject.check(
                place == axis or size == top[place],
                "All inputs must have the same shape, except at concat_axis. "
                f"({top[place]} vs. {size})",
                bottom=index,
                hint=f"bottom[0]: {shape_string(subject.bottoms[0])}, bottom[{index}]: "
                f"{shape_string(shape)}; concat_axis is {axis}",
            )
        top[axis] += shape[axis]
    if len(subject.bottoms) == 1:
        subject.check_shared()
    return SetupResult([tuple(top)])


def slice_(subject: LayerSetup) -> SetupResult:
    """A blob cut along an axis, at given points or into equal parts."""
    parameter = subject.param.slice_param
    axis = _joined_axis(subject, parameter, "slice")
    shape = subject.bottoms[0]
    points = list(parameter.slice_point)
    if points:
        _check_points(subject, points, axis)
        sizes = [after - before for before, after in pairwise([0, *points, shape[axis]])]
    else:
        subject.check(
            shape[axis] % subject.tops == 0,
            f"Number of top blobs ({subject.tops}) should evenly divide input slice axis "
            f"({shape[axis]})",
            field="top",
        )
        sizes = [shape[axis] // subject.tops] * subject.tops
    if subject.tops == 1:
        subject.check_shared()
    return SetupResult([(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes])


def _check_points(subject: LayerSetup, points: list[int], axis: int) -> None:
    field = "slice_param.slice_point"
    shape = subject.bottoms[0]
    subject.check(
        len(points) == subject.tops - 1,
        f"Check failed: slice_point_.size() == top.size() - 1 "
        f"({len(points)} vs. {subject.tops - 1})",
        field=field,
    )
    subject.check(
        subject.tops <= shape[axis],
        f"slice axis: {axis}, bottom[0] shape: {shape_string(shape)} "
        f"({subject.tops} vs. {shape[axis]})",
        field=field,
    )
    for before, after in pairwise([0, *points]):
        subject.check(
            after > before,
            f"Check failed: slice_point_[i] > prev ({after} vs. {before})",
            field=field,
        )
    subject.check(
        points[-1] <= shape[axis],
        f"Check failed: shape[i] >= 0 ({shape[axis] - points[-1]} vs. 0)",
        field=field,
        hint=f"the axis has {shape[axis]} and the last slice_point is {points[-1]}",
    )


def eltwise(subject: LayerSetup) -> SetupResult:
    """Blobs of one shape, added, multiplied or compared."""
    parameter = subject.param.eltwise_param
    coefficients = len(parameter.coeff)
    subject.check(
        coefficients in (0, len(subject.bottoms)),
        "Eltwise Layer takes one coefficient per bottom blob.",
        field="eltwise_param.coeff",
    )
    subject.check(
        not (parameter.operation == parameter.PROD and coefficients),
        "Eltwise layer only takes coefficients for summation.",
        field="eltwise_param.coeff",
    )
    first = subject.bottoms[0]
    for index, shape in enumerate(subject.bottoms[1:], 1):
        subject.check(
            shape == first,
            f"bottom[0]: {shape_string(first)}, bottom[{index}]: {shape_string(shape)}",
            bottom=index,
            hint="the bottoms of an Eltwise have one shape",
        )
    return SetupResult([first])


def split(subject: LayerSetup) -> SetupResult:
    """The same blob several times."""
    return SetupResult([subject.bottoms[0]] * subject.tops)


def sink(subject: LayerSetup) -> SetupResult:
    """Nothing comes out."""
    return SetupResult([])


def filter_(subject: LayerSetup) -> SetupResult:
    """The items that the last bottom chooses; as many as there are before anything is known."""
    *blobs, selector = subject.bottoms
    subject.check(
        subject.tops == len(blobs),
        f"Check failed: top.size() == bottom.size() - 1 ({subject.tops} vs. {len(blobs)})",
        field="top",
    )
    subject.check(
        all(size == 1 for size in selector[1:]),
        "Selector blob dimensions must be singletons (1), except the first",
        bottom=len(blobs),
    )
    items = subject.size(0, len(blobs))
    for index in range(len(blobs)):
        size = subject.size(0, index)
        subject.check(
            size == items,
            "Each bottom should have the same 0th dimension as the selector blob "
            f"({items} vs. {size})",
            bottom=index,
        )
    return SetupResult(list(blobs))


def batch_reindex(subject: LayerSetup) -> SetupResult:
    """The items that the second bottom names."""
    shape, index = subject.bottoms
    subject.check(
        len(index) == 1,
        f"Check failed: 1 == bottom[1]->num_axes() (1 vs. {len(index)})",
        bottom=1,
    )
    return SetupResult([(*index, *shape[1:])])


def crop(subject: LayerSetup) -> SetupResult:
    """The first bottom cut to the size of the second, from an axis on."""
    parameter = subject.param.crop_param
    shape = subject.bottoms[0]
    start = subject.axis(parameter.axis, field="crop_param.axis")
    offsets = list(parameter.offset)
    if len(offsets) > 1:
        subject.check(
            start + len(offsets) == len(shape),
            "number of offset values specified must be equal to the number of dimensions "
            f"following axis. ({start + len(offsets)} vs. {len(shape)})",
            field="crop_param.offset",
        )
    else:
        offsets = (offsets or [0]) * (len(shape) - start)
    top = list(shape[:start])
    for axis, offset in enumerate(offsets, start):
        size = subject.size(axis, 1)
        subject.check(
            shape[axis] - offset >= size,
            f"the crop for dimension {axis} is out-of-bounds with size {size} and offset "
            f"{offset} ({shape[axis] - offset} vs. {size})",
            bottom=1,
        )
        top.append(size)
    return SetupResult([tuple(top)])
