"""Shapes of Convolution, Deconvolution and Im2col, in any number of spatial axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ssdh_surgery.caffe.shapes.layer_setup import (
    LayerSetup,
    SetupResult,
    Shape,
    count,
    shape_string,
)
from ssdh_surgery.names import size_text

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ConvolutionParameter

_PARAM = "convolution_param"


class Window(NamedTuple):
    """The kernel of a layer, one number for each spatial axis."""

    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape

    def reach(self) -> Shape:
        """How far the kernel reaches along each axis, holes included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def steps(self, sizes: Shape) -> Shape:
        """The sizes after the kernel has gone over maps of the given sizes."""
        # C divides towards zero.
        return tuple(
            int((size + 2 * pad - reach) / stride) + 1
            for size, pad, reach, stride in zip(
                sizes, self.pad, self.reach(), self.stride, strict=True
            )
        )

    def too_large(self, sizes: Shape) -> str:
        """What a negative result of `steps` comes from, as a hint."""
        padded = [size + 2 * pad for size, pad in zip(sizes, self.pad, strict=True)]
        return (
            f"the kernel ({size_text(self.reach())}) is larger than its padded "
            f"input ({size_text(padded)})"
        )


def convolution(subject: LayerSetup) -> SetupResult:
    """Each bottom gives a top of `num_output` channels; multiply-adds for every weight used."""
    axis, window = read_window(subject)
    channels, outputs, group = _channels(subject, axis)
    maps = subject.bottoms[0][axis + 1 :]
    sizes = window.steps(maps)
    _check_sizes(subject, sizes, window.too_large(maps))
    return _shaped(subject, axis, (outputs, channels // group, *window.kernel), sizes)


def depthwise(subject: LayerSetup) -> SetupResult:
    """A fork's convolution of one kernel for each channel: `num_output` and `group` say nothing."""
    param = type(subject.param)()
    param.CopyFrom(subject.param)
    channels = subject.size(1)
    param.convolution_param.num_output = param.convolution_param.group = channels
    return convolution(LayerSetup(param, subject.bottoms, subject.tops))


def deconvolution(subject: LayerSetup) -> SetupResult:
    """A convolution backwards: every value of the bottom is multiplied by a whole kernel."""
    axis, window = read_window(subject)
    channels, outputs, group = _channels(subject, axis)
    maps = subject.bottoms[0][axis + 1 :]
    sizes = tuple(
        stride * (size - 1) + reach - 2 * pad
        for size, pad, reach, stride in zip(
            maps, window.pad, window.reach(), window.stride, strict=True
        )
    )
    _check_sizes(subject, sizes, "the padding takes away all that there is")
    return _shaped(subject, axis, (channels, outputs // group, *window.kernel), sizes)


def _shaped(subject: LayerSetup, axis: int, weight: Shape, sizes: Shape) -> SetupResult:
    """The answer for all bottoms, which are of one shape."""
    first, parameter = subject.bottoms[0], subject.param.convolution_param
    for index, shape in enumerate(subject.bottoms[1:], 1):
        subject.check(
            shape == first,
            f"shape mismatch - bottom[0]: {shape_string(first)} vs. bottom[{index}]: "
            f"{shape_string(shape)}",
            bottom=index,
        )
    # Caffe prepares the bias for every place of the map, and fails where there is none.
    subject.check(
        not parameter.bias_term or count(sizes) > 0,
        "Check failed: data_",
        field=f"{_PARAM}.kernel_size",
        hint=f"the maps of the top would be empty: {size_text(sizes)}",
    )
    top = (*first[:axis], parameter.num_output, *sizes)
    # The side of which every value meets `weight` without its first axis.
    side = first if subject.param.type == "Deconvolution" else top
    params = [weight, (parameter.num_output,)] if parameter.bias_term else [weight]
    return SetupResult([top] * subject.tops, params, count(side) * count(weight, 1) * subject.tops)


def im2col(subject: LayerSetup) -> SetupResult:
    """The windows of the bottom, laid out as channels."""
    parameter, shape = subject.param.convolution_param, subject.bottoms[0]
    found = len(shape) - 1 - subject.axis(parameter.axis, field=f"{_PARAM}.axis")
    subject.check(found >= 1, f"Check failed: num_spatial_axes_ >= 1 ({found} vs. 1)", bottom=0)
    axis, window = read_window(subject)
    sizes = window.steps(shape[axis + 1 :])
    _check_sizes(subject, sizes, window.too_large(shape[axis + 1 :]))
    return SetupResult([(*shape[:axis], shape[axis] * count(window.kernel), *sizes)])


def read_window(subject: LayerSetup) -> tuple[int, Window]:
    """The channel axis of a convolution, and its kernel over the axes behind that."""
    parameter = subject.param.convolution_param
    axis = subject.axis(parameter.axis, field=f"{_PARAM}.axis")
    spatial = len(subject.bottoms[0]) - axis - 1
    kernel = _each(subject, parameter, "kernel", spatial, None)
    subject.check(
        min(kernel, default=1) > 0,
        "Filter dimensions must be nonzero.",
        field=f"{_PARAM}.kernel_size",
    )
    stride = _each(subject, parameter, "stride", spatial, 1)
    subject.check(
        min(stride, default=1) > 0, "Stride dimensions must be nonzero.", field=f"{_PARAM}.stride"
    )
    pad = _each(subject, parameter, "pad", spatial, 0)
    dilation = _each(subject, parameter, "dilation", spatial, 1)
    return axis, Window(kernel, stride, pad, dilation)


def _each(
    subject: LayerSetup,
    parameter: ConvolutionParameter,
    name: str,
    spatial: int,
    default: int | None,
) -> Shape:
    """A setting for each spatial axis, from the repeated field or the two for 2D."""
    repeated = "kernel_size" if name == "kernel" else name
    field = f"{_PARAM}.{repeated}"
    values = tuple(getattr(parameter, repeated))
    flat: Any = parameter
    if name != "dilation" and (flat.HasField(f"{name}_h") or flat.HasField(f"{name}_w")):
        field = f"{_PARAM}.{name}_{'h' if flat.HasField(f'{name}_h') else 'w'}"
        subject.check(
            spatial == 2, f"{name}_h & {name}_w can only be used for 2D convolution.", field=field
        )
        subject.check(
            not values,
            f"Either {repeated} or {name}_h/w should be specified; not both.",
            field=field,
        )
        return getattr(parameter, f"{name}_h"), getattr(parameter, f"{name}_w")
    subject.check(
        len(values) in (1, spatial) or (not values and default is not None),
        f"{repeated} must be specified once, or once per spatial dimension "
        f"({repeated} specified {len(values)} times; {spatial} spatial dims).",
        field=field,
    )
    if len(values) == 1:
        return values * spatial
    return values if values or default is None else (default,) * spatial


def _channels(subject: LayerSetup, axis: int) -> tuple[int, int, int]:
    """Channels in and out, and the number of groups that divides both."""
    parameter, channels = subject.param.convolution_param, subject.bottoms[0][axis]
    outputs, group = parameter.num_output, parameter.group
    subject.check(
        outputs > 0,
        f"Check failed: num_output_ > 0 ({outputs} vs. 0)",
        field=f"{_PARAM}.num_output",
        hint="num_output is missing, or no number above 0",
    )
    subject.check(group > 0, "group must be positive.", field=f"{_PARAM}.group")
    subject.check(
        channels % group == 0,
        f"Check failed: channels_ % group_ == 0 ({channels % group} vs. 0)",
        field=f"{_PARAM}.group",
        hint=f"{channels} channels are not divisible by {group} groups",
    )
    subject.check(
        outputs % group == 0,
        "Number of output should be multiples of group.",
        field=f"{_PARAM}.num_output",
        hint=f"{outputs} outputs are not divisible by {group} groups",
    )
    return channels, outputs, group


def _check_sizes(subject: LayerSetup, sizes: Shape, hint: str) -> None:
    wrong = next((size for size in sizes if size < 0), 0)
    subject.check(
        not wrong,
        f"Check failed: shape[i] >= 0 ({wrong} vs. 0)",
        field=f"{_PARAM}.kernel_size",
        hint=hint,
    )
