"""Local response normalisation (LRN) and mean-variance normalisation (MVN)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.engines.torch.blob import Shape
from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.pooling import Windows, average_pool


class LRN(Layer):
    """x / (k + alpha/n * sum of n neighbours' squares) ^ beta, across channels or within one.

    Within a channel Caffe has 1 in place of k, and the mean of a window instead of alpha/n.
    """

    exact_bottoms = 1
    exact_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check the size and read the region."""
        size = self.param.lrn_param.local_size
        self.check(size % 2 == 1, "LRN only supports odd values for local_size")
        self.is_across = self.choice(self.param.lrn_param, "norm_region") == "ACROSS_CHANNELS"

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The bottom's shape."""
        self.check(
            len(bottom_shapes[0]) == 4,
            "Input must have 4 axes, corresponding to (num, channels, height, width)",
        )
        return [bottom_shapes[0]]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The normalised values."""
        bottom, param = bottoms[0], self.param.lrn_param
        squares = bottom.square()
        if self.is_across:
            scale = F.conv2d(squares, self._band(squares)).add(param.k)
        else:
            size, reach = param.local_size, param.local_size // 2
            windows = Windows((size, size), (1, 1), (reach, reach))
            scale = average_pool(squares, windows) * param.alpha + 1
        return [bottom * scale.pow(-param.beta)]

    def _band(self, squares: Tensor) -> Tensor:
        """A 1x1 kernel that sums the squares of each channel's neighbours, times alpha/n."""
        channels, size = squares.shape[1], self.param.lrn_param.local_size
        place = torch.arange(channels, device=squares.device)
        is_near = (place[:, None] - place[None]).abs() <= size // 2
        band = is_near.to(squares.dtype) * (self.param.lrn_param.alpha / size)
        return band[:, :, None, None]


class MVN(Layer):
    """Each plane (or each image, `across_channels`) with its mean taken off, over its deviation."""

    exact_bottoms = 1
    exact_tops = 1

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The bottom's shape with four axes."""
        shape = bottom_shapes[0]
        self.check(len(shape) <= 4, "Cannot use legacy accessors on Blobs with > 4 axes.")
        return [(*shape, 1, 1, 1, 1)[:4] if len(shape) < 4 else shape]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The normalised values."""
        param = self.param.mvn_param
        bottom = bottoms[0].reshape(self.reshape([tuple(bottoms[0].shape)])[0])
        rows = bottom.flatten(1) if param.across_channels else bottom.flatten(2)
        centered = rows - rows.mean(-1, keepdim=True)
        if not param.normalize_variance:
            return [centered.view(bottom.shape)]
        apply: Any = _Standardized.apply
        top: Tensor = apply(rows, param.eps)
        return [top.view(bottom.shape)]


class _Standardized(torch.autograd.Function):
    """Rows over (deviation + eps), with Caffe's gradient: as if eps were within the square."""

    @staticmethod
    def forward(context: Any, rows: Tensor, eps: float) -> Tensor:
        centered = rows - rows.mean(-1, keepdim=True)
        scale = centered.square().mean(-1, keepdim=True).sqrt() + eps
        top = centered / scale
        context.save_for_backward(top, scale)
        return top

    @staticmethod
    def backward(context: Any, top_diff: Tensor) -> tuple[Tensor, None]:
        top, scale = context.saved_tensors
        along = (top_diff * top).mean(-1, keepdim=True) * top
        return (top_diff - top_diff.mean(-1, keepdim=True) - along) / scale, None
