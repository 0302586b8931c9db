"""Shapes of Convolution, Deconvolution and Im2col, in any number of spatial axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ssdh_surgery.caffe.shapes.layer_setup import (
    NO_OUTPUTS_HINT,
    LayerSetup,
    Refusal,
    SetupResult,
    Shape,
    count,
    shape_string,
)
from ssdh_surgery.names import size_text

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.schema import LayerParameter
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ConvolutionParameter

_PARAM = "convolution_param"


class Window(NamedTuple):
    """The kernel of a layer; one number per spatial axis in each field."""

    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape

    def reach(self) -> Shape:
        """The extent of the kernel along each axis, including dilation."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def steps(self, sizes: Shape) -> Shape:
        """The sizes of the output maps for input maps of these sizes."""
        # C rounds a division towards zero.
        return tuple(
            int((size + 2 * pad - reach) / stride) + 1
            for size, pad, reach, stride in zip(
                sizes, self.pad, self.reach(), self.stride, strict=True
            )
        )

    def too_large(self, sizes: Shape) -> str:
        """The cause of a negative result of `steps`, as a hint."""
        padded = [size + 2 * pad for size, pad in zip(sizes, self.pad, strict=True)]
        return (
            f"the kernel ({size_text(self.reach())}) is larger than its padded "
            f"input ({size_text(padded)})"
        )


def convolution(setup: LayerSetup) -> SetupResult:
    """Each bottom has a top of `num_output` channels; one multiply-add per use of a weight."""
    axis, window = read_window(setup)
    channels, outputs, group = _channels(setup, axis)
    maps = setup.bottoms[0][axis + 1 :]
    sizes = window.steps(maps)
    _check_sizes(setup, sizes, window.too_large(maps))
    return _result(setup, axis, (outputs, channels // group, *window.kernel), sizes)


def depthwise(setup: LayerSetup) -> SetupResult:
    """A fork's convolution with one kernel per channel: `num_output` and `group` are ignored."""
    param = type(setup.param)()
    param.CopyFrom(setup.param)
    channels = setup.size(1)
    param.convolution_param.num_output = param.convolution_param.group = channels
    return convolution(LayerSetup(param, setup.bottoms, setup.tops))


def deconvolution(setup: LayerSetup) -> SetupResult:
    """A transposed convolution: every value of the bottom is multiplied by a whole kernel."""
    axis, window = read_window(setup)
    channels, outputs, group = _channels(setup, axis)
    maps = setup.bottoms[0][axis + 1 :]
    sizes = tuple(
        stride * (size - 1) + reach - 2 * pad
        for size, pad, reach, stride in zip(
            maps, window.pad, window.reach(), window.stride, strict=True
        )
    )
    _check_sizes(setup, sizes, "the padding removes the entire output")
    return _result(setup, axis, (channels, outputs // group, *window.kernel), sizes)


def _result(setup: LayerSetup, axis: int, weight: Shape, sizes: Shape) -> SetupResult:
    """The result for all bottoms, which have the same shape."""
    first, parameter = setup.bottoms[0], setup.param.convolution_param
    for index, shape in enumerate(setup.bottoms[1:], 1):
        setup.check(
            shape == first,
            f"shape mismatch - bottom[0]: {shape_string(first)} vs. bottom[{index}]: "
            f"{shape_string(shape)}",
            bottom=index,
        )
    # Caffe sets up the bias for every position of the map, and fails if there is none.
    setup.check(
        not parameter.bias_term or count(sizes) > 0,
        "Check failed: data_",
        field=f"{_PARAM}.kernel_size",
        hint=f"the maps of the top would be empty: {size_text(sizes)}",
    )
    top = (*first[:axis], parameter.num_output, *sizes)
    # The blob of which every value is multiplied by `weight` without its first axis.
    side = first if setup.param.type == "Deconvolution" else top
    params = [weight, (parameter.num_output,)] if parameter.bias_term else [weight]
    return SetupResult([top] * setup.tops, params, count(side) * count(weight, 1) * setup.tops)


def im2col(setup: LayerSetup) -> SetupResult:
    """The windows of the bottom, arranged as channels."""
    parameter, shape = setup.param.convolution_param, setup.bottoms[0]
    spatial = len(shape) - 1 - setup.axis(parameter.axis, field=f"{_PARAM}.axis")
    setup.check(spatial >= 1, f"Check failed: num_spatial_axes_ >= 1 ({spatial} vs. 1)", bottom=0)
    axis, window = read_window(setup)
    sizes = window.steps(shape[axis + 1 :])
    _check_sizes(setup, sizes, window.too_large(shape[axis + 1 :]))
    return SetupResult([(*shape[:axis], shape[axis] * count(window.kernel), *sizes)])


def read_window(setup: LayerSetup) -> tuple[int, Window]:
    """The channel axis of a convolution, and its kernel over the axes after it."""
    parameter = setup.param.convolution_param
    axis = setup.axis(parameter.axis, field=f"{_PARAM}.axis")
    spatial = len(setup.bottoms[0]) - axis - 1
    kernel = _each(setup, parameter, "kernel", spatial, None)
    setup.check(
        min(kernel, default=1) > 0,
        "Filter dimensions must be nonzero.",
        field=f"{_PARAM}.kernel_size",
    )
    stride = _each(setup, parameter, "stride", spatial, 1)
    setup.check(
        min(stride, default=1) > 0, "Stride dimensions must be nonzero.", field=f"{_PARAM}.stride"
    )
    pad = _each(setup, parameter, "pad", spatial, 0)
    dilation = _each(setup, parameter, "dilation", spatial, 1)
    return axis, Window(kernel, stride, pad, dilation)


def _each(
    setup: LayerSetup,
    parameter: ConvolutionParameter,
    name: str,
    spatial: int,
    default: int | None,
) -> Shape:
    """A setting per spatial axis, from the repeated field or the two fields for 2D."""
    repeated = "kernel_size" if name == "kernel" else name
    field = f"{_PARAM}.{repeated}"
    values = tuple(getattr(parameter, repeated))
    flat: Any = parameter
    if name != "dilation" and (flat.HasField(f"{name}_h") or flat.HasField(f"{name}_w")):
        field = f"{_PARAM}.{name}_{'h' if flat.HasField(f'{name}_h') else 'w'}"
        setup.check(
            spatial == 2, f"{name}_h & {name}_w can only be used for 2D convolution.", field=field
        )
        setup.check(
            not values,
            f"Either {repeated} or {name}_h/w should be specified; not both.",
            field=field,
        )
        return getattr(parameter, f"{name}_h"), getattr(parameter, f"{name}_w")
    setup.check(
        len(values) in (1, spatial) or (not values and default is not None),
        f"{repeated} must be specified once, or once per spatial dimension "
        f"({repeated} specified {len(values)} times; {spatial} spatial dims).",
        field=field,
    )
    if len(values) == 1:
        return values * spatial
    return values if values or default is None else (default,) * spatial


def check_outputs(param: LayerParameter) -> None:
    """Refuse a convolution without outputs.

    Raises:
        Refusal: it has none.
    """
    outputs = param.convolution_param.num_output
    if outputs <= 0:
        message = f"Check failed: num_output_ > 0 ({outputs} vs. 0)"
        raise Refusal(message, field=f"{_PARAM}.num_output", hint=NO_OUTPUTS_HINT)


def _channels(setup: LayerSetup, axis: int) -> tuple[int, int, int]:
    """Input channels, outputs, and the number of groups, which divides both."""
    parameter, channels = setup.param.convolution_param, setup.bottoms[0][axis]
    outputs, group = parameter.num_output, parameter.group
    check_outputs(setup.param)
    setup.check(group > 0, "group must be positive.", field=f"{_PARAM}.group")
    setup.check(
        channels % group == 0,
        f"Check failed: channels_ % group_ == 0 ({channels % group} vs. 0)",
        field=f"{_PARAM}.group",
        hint=f"{channels} channels are not divisible by {group} groups",
    )
    setup.check(
        outputs % group == 0,
        "Number of output should be multiples of group.",
        field=f"{_PARAM}.num_output",
        hint=f"{outputs} outputs are not divisible by {group} groups",
    )
    return channels, outputs, group


def _check_sizes(setup: LayerSetup, sizes: Shape, hint: str) -> None:
    negative = next((size for size in sizes if size < 0), 0)
    setup.check(
        not negative,
        f"Check failed: shape[i] >= 0 ({negative} vs. 0)",
        field=f"{_PARAM}.kernel_size",
        hint=hint,
    )
