"""Convolution, its transpose (Deconvolution), and the columns that Caffe makes of images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.caffe.shapes.convolution import read_window
from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup
from ssdh_surgery.engines.torch.layers.base import Layer, count
from ssdh_surgery.engines.torch.layers.blob import Shape

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ConvolutionParameter


class Window(Layer):
    """A layer with the windows of a `convolution_param`: sizes for each spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]
    channel_axis: int

    @property
    def settings(self) -> ConvolutionParameter:
        """The layer's convolution_param."""
        return self.param.convolution_param

    def read_windows(self, bottom_shape: Shape) -> None:
        """Read kernel, stride, pad and dilation for the bottom's spatial axes."""
        self.channel_axis = self.axis(self.settings.axis, bottom_shape)
        axes = len(bottom_shape) - self.channel_axis - 1
        if axes > 3:
            self.fail(
                f"has {axes} spatial axes, the embedded engine takes up to 3",
                hint="use --engine binary",
            )
        _, window = read_window(LayerSetup(self.param, [bottom_shape], self.num_tops))
        self.kernel, self.stride, self.pad, self.dilation = window

    def output_sizes(self, sizes: Sequence[int]) -> list[int]:
        """How many windows there are along each spatial axis."""
        return [
            # As C++ divides: towards zero.
            int((size + 2 * pad - self._extent(axis)) / self.stride[axis]) + 1
            for axis, (size, pad) in enumerate(zip(sizes, self.pad, strict=True))
        ]

    def _extent(self, axis: int) -> int:
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1

    def overhang(self, sizes: Sequence[int]) -> list[int]:
        """How far the last window reaches beyond the padded bottom: Caffe reads zeros there."""
        return [
            max(0, (windows - 1) * self.stride[axis] + self._extent(axis) - size - 2 * pad)
            for axis, (windows, size, pad) in enumerate(
                zip(self.output_sizes(sizes), sizes, self.pad, strict=True)
            )
        ]


class Convolution(Window):
    """Convolution over 0 to 3 spatial axes; several bottoms share the weights."""

    min_bottoms = 1
    min_tops = 1
    has_equal_counts = True

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the windows and make the weights and the bias."""
        self.read_windows(bottom_shapes[0])
        fillers = self.settings.weight_filler, self.settings.bias_filler
        for shape, filler in zip(self.param_shapes, fillers, strict=False):
            self.add_param(shape, filler)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check that the weights go with the bottoms."""
        first, axis = bottom_shapes[0], self.channel_axis
        self.check(len(first) == axis + 1 + len(self.kernel), "bottom num_axes may not change.")
        self.check(
            self.params[0].shape == self.param_shapes[0],
            "Input size incompatible with convolution kernel.",
        )

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The responses."""
        bias = self.weight(1) if self.settings.bias_term else None
        return [self._respond(bottom, bias) for bottom in bottoms]

    def _respond(self, bottom: Tensor, bias: Tensor | None) -> Tensor:
        lead = bottom.shape[: self.channel_axis]
        spatial = bottom.shape[self.channel_axis :]
        # torch wants one axis before the channels, and a spatial one.
        bottom = bottom.reshape(math.prod(lead), *spatial) if len(lead) != 1 else bottom
        if not self.kernel:
            bottom = bottom.unsqueeze(-1)
        top = self.convolve(bottom, self._kernel_weight(), bias)
        if not self.kernel:
            top = top.squeeze(-1)
        return top.reshape(*lead, *top.shape[1:]) if len(lead) != 1 else top

    def _kernel_weight(self) -> Tensor:
        weight = self.weight(0)
        return weight if self.kernel else weight.unsqueeze(-1)

    def convolve(self, bottom: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The responses to one bottom, torch's way round."""
        if any(overhang := self.overhang(bottom.shape[2:] if self.kernel else ())):
            bottom = F.pad(bottom, [side for size in reversed(overhang) for side in (0, size)])
        function: Callable[..., Tensor] = _CONVOLUTIONS[max(1, len(self.kernel))]
        return function(
            bottom,
            weight,
            bias,
            self.stride or 1,
            self.pad or 0,
            self.dilation or 1,
            self.settings.group,
        )


class Deconvolution(Convolution):
    """Convolution with its directions reversed, as for upsampling."""

    def output_sizes(self, sizes: Sequence[int]) -> list[int]:
        """The sizes that a convolution would have had as its bottom."""
        return [
            self.stride[axis] * (size - 1) + self._extent(axis) - 2 * self.pad[axis]
            for axis, size in enumerate(sizes)
        ]

    def convolve(self, bottom: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The responses to one bottom, torch's way round."""
        function: Callable[..., Tensor] = _TRANSPOSED[max(1, len(self.kernel))]
        return function(
            bottom,
            weight,
            bias,
            stride=self.stride or 1,
            padding=self.pad or 0,
            groups=self.settings.group,
            dilation=self.dilation or 1,
        )


class Im2col(Window):
    """The windows of an image as columns: channels times kernel positions."""

    exact_bottoms = 1
    exact_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the windows."""
        self.read_windows(bottom_shapes[0])
        self.check(len(self.kernel) == 2, "the embedded engine has Im2col for 2 spatial axes only")

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The columns."""
        shape, axis = tuple(bottoms[0].shape), self.channel_axis
        images = bottoms[0].reshape(count(shape, 0, axis), *shape[axis:])
        if any(overhang := self.overhang(shape[axis + 1 :])):
            images = F.pad(images, (0, overhang[1], 0, overhang[0]))
        columns = F.unfold(images, self.kernel, self.dilation, self.pad, self.stride)
        return [columns.reshape(self.top_shapes[0])]


_CONVOLUTIONS = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
