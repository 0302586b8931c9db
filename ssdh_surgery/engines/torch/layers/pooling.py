"""Pooling with Caffe's rounding and clipping, and pyramid pooling (SPP).

Caffe rounds the number of windows up, and drops a last window that would start in the padding.
An average counts the padding that a window covers, but nothing beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import LayerSetup, Shape
from ssdh_surgery.caffe.shapes.pooling import pyramid_bin, read_windows
from ssdh_surgery.engines.torch.layers.layer import TorchLayer

_FLT_MAX = torch.finfo(torch.float32).max


@dataclass(frozen=True)
class Windows:
    """Pooling windows along height and width, in this order in each field."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    rounds_up: bool = True

    def counts(self, sizes: Sequence[int]) -> tuple[int, int]:
        """The numbers of windows for a height and a width."""
        height, width = (self._count(axis, size) for axis, size in enumerate(sizes))
        return height, width

    def _count(self, axis: int, size: int) -> int:
        stride, pad = self.stride[axis], self.pad[axis]
        steps = (size + 2 * pad - self.kernel[axis]) / stride
        windows = (math.ceil(steps) if self.rounds_up else math.floor(steps)) + 1
        if any(self.pad) and (windows - 1) * stride >= size + pad:
            windows -= 1
        return windows

    def matches_torch(self, sizes: Sequence[int]) -> bool:
        """Whether torch's own pooling has the same windows (its rule for the last one differs)."""
        for axis, windows in enumerate(self.counts(sizes)):
            size, kernel = sizes[axis], self.kernel[axis]
            stride, pad = self.stride[axis], self.pad[axis]
            steps = (size + 2 * pad - kernel) / stride
            torch_windows = (math.ceil(steps) if self.rounds_up else math.floor(steps)) + 1
            if self.rounds_up and (torch_windows - 1) * stride >= size + pad:
                torch_windows -= 1
            if torch_windows != windows or pad > kernel // 2 or size + 2 * pad < kernel:
                return False
        return True

    def padding(self, sizes: Sequence[int]) -> list[int]:
        """The arguments of `F.pad` that make every window fit exactly."""
        ends = [
            max(0, (windows - 1) * stride + kernel - size - pad)
            for windows, stride, kernel, size, pad in zip(
                self.counts(sizes), self.stride, self.kernel, sizes, self.pad, strict=True
            )
        ]
        return [self.pad[1], ends[1], self.pad[0], ends[0]]

    def areas(self, sizes: Sequence[int]) -> Tensor:
        """The divisor for the sum of each window in an average."""
        lengths = []
        for axis, windows in enumerate(self.counts(sizes)):
            begin = torch.arange(windows) * self.stride[axis] - self.pad[axis]
            end = (begin + self.kernel[axis]).clamp(max=sizes[axis] + self.pad[axis])
            lengths.append((end - begin).float())
        return torch.outer(*lengths)


def max_pool(bottom: Tensor, windows: Windows) -> tuple[Tensor, Tensor]:
    """The maximum of each window, and its index in the bottom's plane.

    A window entirely outside of the plane has the value -FLT_MAX and the index -1.
    """
    sizes = bottom.shape[2:]
    if windows.matches_torch(sizes):
        pooled, index = F.max_pool2d(
            bottom,
            windows.kernel,
            windows.stride,
            windows.pad,
            ceil_mode=windows.rounds_up,
            return_indices=True,
        )
        return pooled, index
    padding = windows.padding(sizes)
    padded = F.pad(bottom, padding, value=-math.inf)
    # torch may fit in more windows than Caffe: cut those off.
    pooled, index = F.max_pool2d(padded, windows.kernel, windows.stride, return_indices=True)
    height, width = windows.counts(sizes)
    pooled, index = pooled[..., :height, :width], index[..., :height, :width]
    row = index // padded.shape[3] - padding[2]
    column = index % padded.shape[3] - padding[0]
    is_empty = pooled == -math.inf
    index = torch.where(is_empty, -1, row * sizes[1] + column)
    return torch.where(is_empty, -_FLT_MAX, pooled), index


def average_pool(bottom: Tensor, windows: Windows) -> Tensor:
    """The mean of each window."""
    sizes = bottom.shape[2:]
    if windows.matches_torch(sizes):
        return F.avg_pool2d(
            bottom, windows.kernel, windows.stride, windows.pad, ceil_mode=windows.rounds_up
        )
    padded = F.pad(bottom, windows.padding(sizes))
    sums = F.avg_pool2d(padded, windows.kernel, windows.stride, divisor_override=1)
    height, width = windows.counts(sizes)
    return sums[..., :height, :width] / windows.areas(sizes).to(bottom.device)


class Pooling(TorchLayer):
    """The maximum or the mean of windows; with MAX, a second top has the indices."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the method."""
        self.method = self.choice(self.param.pooling_param, "pool")
        if self.method == "STOCHASTIC":
            self.fail(
                "uses stochastic pooling, which Caffe supports on a GPU only", "use MAX or AVE"
            )

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the windows."""
        rows, columns = read_windows(LayerSetup(self.param, bottom_shapes, self.num_tops))
        self.windows = Windows(
            kernel=(rows.kernel, columns.kernel),
            stride=(rows.stride, columns.stride),
            pad=(rows.pad, columns.pad),
            rounds_up=self.choice(self.param.pooling_param, "round_mode") == "CEIL",
        )

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The pooled values, and the indices of the maxima if there is a second top."""
        if self.method == "AVE":
            return [average_pool(bottoms[0], self.windows)]
        pooled, index = max_pool(bottoms[0], self.windows)
        return [pooled, index.float()] if self.num_tops == 2 else [pooled]


class SPP(TorchLayer):
    """A pyramid of poolings into 1, 4, 16, ... windows, concatenated."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the method."""
        self.method = self.choice(self.param.spp_param, "pool")
        self.check(self.method != "STOCHASTIC", "Unknown pooling method.")

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Compute the windows of each level."""
        height, width = bottom_shapes[0][2:]
        levels = range(self.param.spp_param.pyramid_height)
        self.levels = [_level(1 << level, height, width) for level in levels]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The pooled values of all levels."""
        pooled = [
            max_pool(bottoms[0], level)[0]
            if self.method == "MAX"
            else average_pool(bottoms[0], level)
            for level in self.levels
        ]
        return pooled if len(pooled) == 1 else [torch.cat([top.flatten(1) for top in pooled], 1)]


def _level(bins: int, height: int, width: int) -> Windows:
    """The windows of a level: `bins` along each axis, padded to fit."""
    rows, columns = pyramid_bin(height, bins), pyramid_bin(width, bins)
    kernel = rows.kernel, columns.kernel
    return Windows(kernel=kernel, stride=kernel, pad=(rows.pad, columns.pad))
