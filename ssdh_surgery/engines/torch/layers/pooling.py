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
from ssdh_surgery.caffe.shapes.pooling import Axis, pyramid_bin, read_windows
from ssdh_surgery.engines.torch.layers.layer import TorchLayer

_FLT_MAX = torch.finfo(torch.float32).max


@dataclass(frozen=True)
class Windows:
    """Pooling windows along height and width."""

    rows: Axis
    columns: Axis
    rounds_up: bool = True

    @property
    def axes(self) -> tuple[Axis, Axis]:
        """The windows along height and width."""
        return self.rows, self.columns

    @property
    def kernel(self) -> tuple[int, int]:
        """The height and the width of a window."""
        return self.rows.kernel, self.columns.kernel

    @property
    def stride(self) -> tuple[int, int]:
        """The strides along height and width."""
        return self.rows.stride, self.columns.stride

    @property
    def pad(self) -> tuple[int, int]:
        """The padding along height and width."""
        return self.rows.pad, self.columns.pad

    def counts(self, sizes: Sequence[int]) -> tuple[int, int]:
        """The numbers of windows for a height and a width."""
        is_padded = any(self.pad)
        height, width = (
            axis.window_count(size, is_ceil=self.rounds_up, is_padded=is_padded)
            for axis, size in zip(self.axes, sizes, strict=True)
        )
        return height, width

    def matches_torch(self, sizes: Sequence[int]) -> bool:
        """Whether torch's own pooling has the same windows (its rule for the last one differs)."""
        return all(
            axis.window_count(size, is_ceil=self.rounds_up, is_padded=self.rounds_up) == windows
            and axis.pad <= axis.kernel // 2
            and size + 2 * axis.pad >= axis.kernel
            for axis, size, windows in zip(self.axes, sizes, self.counts(sizes), strict=True)
        )

    def padding(self, sizes: Sequence[int]) -> list[int]:
        """The arguments of `F.pad` that make every window fit exactly."""
        windows = self.counts(sizes)
        bottom = self.rows.end_padding(sizes[0], windows[0])
        right = self.columns.end_padding(sizes[1], windows[1])
        return [self.columns.pad, right, self.rows.pad, bottom]

    def areas(self, sizes: Sequence[int]) -> Tensor:
        """The divisor for the sum of each window in an average."""
        lengths = [
            torch.tensor(axis.lengths(size, windows), dtype=torch.float32)
            for axis, size, windows in zip(self.axes, sizes, self.counts(sizes), strict=True)
        ]
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
        rounds_up = self.choice(self.param.pooling_param, "round_mode") == "CEIL"
        self.windows = Windows(rows, columns, rounds_up)

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
        self.levels = [
            Windows(pyramid_bin(height, 1 << level), pyramid_bin(width, 1 << level))
            for level in levels
        ]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The pooled values of all levels."""
        pooled = [
            max_pool(bottoms[0], level)[0]
            if self.method == "MAX"
            else average_pool(bottoms[0], level)
            for level in self.levels
        ]
        return pooled if len(pooled) == 1 else [torch.cat([top.flatten(1) for top in pooled], 1)]
