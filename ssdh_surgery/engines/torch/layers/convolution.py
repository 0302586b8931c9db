"""Convolution, its transpose (Deconvolution), and Im2col."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.caffe.shapes.convolution import read_window
from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, Shape, count
from ssdh_surgery.engines.torch.layers.layer import TorchLayer

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ConvolutionParameter


class WindowLayer(TorchLayer):
    """A layer with a `convolution_param`: window sizes for each spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]
    channel_axis: int

    @property
    def conv_param(self) -> ConvolutionParameter:
        """The layer's convolution_param."""
        return self.param.convolution_param

    def read_windows(self, bottom_shape: Shape) -> None:
        """Read kernel, stride, pad and dilation for the bottom's spatial axes."""
        self.channel_axis = self.axis(self.conv_param.axis, bottom_shape)
        axes = len(bottom_shape) - self.channel_axis - 1
        if axes > 3:
            self.fail(
                f"has {axes} spatial axes, but the embedded engine supports up to 3",
                hint="use --engine binary",
            )
        _, window = read_window(LayerSetup(self.param, [bottom_shape], self.num_tops))
        self.kernel, self.stride, self.pad, self.dilation = window

    def output_sizes(self, sizes: Sequence[int]) -> list[int]:
        """The number of windows along each spatial axis."""
        return [
            # Rounds towards zero, as division in C++.
            int((size + 2 * pad - self._extent(axis)) / self.stride[axis]) + 1
            for axis, (size, pad) in enumerate(zip(sizes, self.pad, strict=True))
        ]

    def _extent(self, axis: int) -> int:
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1

    def overhang(self, sizes: Sequence[int]) -> list[int]:
        """How far the last window extends beyond the padded bottom, where Caffe reads zeros."""
        return [
            max(0, (windows - 1) * self.stride[axis] + self._extent(axis) - size - 2 * pad)
            for axis, (windows, size, pad) in enumerate(
                zip(self.output_sizes(sizes), sizes, self.pad, strict=True)
            )
        ]


class Convolution(WindowLayer):
    """Convolution over 0 to 3 spatial axes; bottoms share the weights."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the windows, and create the weights and the bias."""
        self.read_windows(bottom_shapes[0])
        fillers = self.conv_param.weight_filler, self.conv_param.bias_filler
        for shape, filler in zip(self.param_shapes, fillers, strict=False):
            self.add_param(shape, filler)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check that the weights match the bottoms."""
        first, axis = bottom_shapes[0], self.channel_axis
        self.check(len(first) == axis + 1 + len(self.kernel), "bottom num_axes may not change.")
        self.check(
            self.params[0].shape == self.param_shapes[0],
            "Input size incompatible with convolution kernel.",
        )

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The responses."""
        bias = self.weight(1) if self.conv_param.bias_term else None
        return [self._respond(bottom, bias) for bottom in bottoms]

    def _respond(self, bottom: Tensor, bias: Tensor | None) -> Tensor:
        lead = bottom.shape[: self.channel_axis]
        spatial = bottom.shape[self.channel_axis :]
        # torch needs one axis before the channels, and at least one spatial axis.
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
        """The responses to one bottom, in torch's layout."""
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
            self.conv_param.group,
        )


class Deconvolution(Convolution):
    """Transposed convolution, for example for upsampling."""

    def output_sizes(self, sizes: Sequence[int]) -> list[int]:
        """The sizes of the bottom of the corresponding convolution."""
        return [
            self.stride[axis] * (size - 1) + self._extent(axis) - 2 * self.pad[axis]
            for axis, size in enumerate(sizes)
        ]

    def convolve(self, bottom: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The responses to one bottom, in torch's layout."""
        function: Callable[..., Tensor] = _TRANSPOSED[max(1, len(self.kernel))]
        return function(
            bottom,
            weight,
            bias,
            stride=self.stride or 1,
            padding=self.pad or 0,
            groups=self.conv_param.group,
            dilation=self.dilation or 1,
        )


class Im2col(WindowLayer):
    """The windows of an image as columns: channels times kernel positions."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the windows."""
        self.read_windows(bottom_shapes[0])
        self.check(
            len(self.kernel) == 2, "the embedded engine supports Im2col for 2 spatial axes only"
        )

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
