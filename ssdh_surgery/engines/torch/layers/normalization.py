"""Local response normalisation (LRN) and mean-variance normalisation (MVN)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.caffe.shapes.pooling import Axis
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.layers.pooling import Windows, average_pool

# With this beta, two square roots replace the power, in a third of the time.
_COMMON_BETA = 0.75


class LRN(TorchLayer):
    """x / (k + alpha/n * sum of n neighbours' squares) ^ beta, across channels or within one.

    Within a channel, Caffe uses 1 instead of k, and alpha times the mean of a window.
    """

    rereads_top = True
    is_wrong_in_place = True

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the region."""
        self.is_across = self.choice(self.param.lrn_param, "norm_region") == "ACROSS_CHANNELS"

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The normalised values."""
        apply: Any = _LRNFunction.apply
        # In bfloat16 the scale, which is close to k, would lose most of its digits.
        with torch.autocast(bottoms[0].device.type, enabled=False):
            return [apply(bottoms[0].float(), self)]

    def scale(self, bottom: Tensor) -> Tensor:
        """The base of the power -beta."""
        start = self.param.lrn_param.k if self.is_across else 1
        return self._spread(bottom.square(), start)

    def power(self, scale: Tensor) -> Tensor:
        """The scale to the power of -beta, in new memory."""
        beta = self.param.lrn_param.beta
        if beta == _COMMON_BETA:
            root = scale.rsqrt()
            return root.sqrt().mul_(root)
        return scale.pow(-beta)

    def bottom_diff(self, top_diff: Tensor, bottom: Tensor, scale: Tensor) -> Tensor:
        """The bottom's diff."""
        diff = self.power(scale).mul_(top_diff)
        return self._less_spread(diff, diff * bottom, bottom, scale)

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        scale = self.scale(bottom)
        if not self.is_across:
            # Caffe keeps a separate blob here.
            return self.bottom_diff(top_diff, bottom, scale)
        diff = self.power(scale).mul_(top_diff)
        return self._less_spread(diff, top_diff * top, bottom, scale)

    def _less_spread(self, diff: Tensor, share: Tensor, bottom: Tensor, scale: Tensor) -> Tensor:
        """Subtract each value's contribution to its neighbours' scales; overwrites `share`."""
        spread = self._spread(share.div_(scale), 0).mul_(bottom)
        return diff.sub_(spread, alpha=2 * self.param.lrn_param.beta)

    def _spread(self, values: Tensor, start: float) -> Tensor:
        """`start` plus alpha/n times the sum over neighbours, or alpha times their mean."""
        param = self.param.lrn_param
        if self.is_across:
            band = self._band(values)
            return F.conv2d(values, band, torch.full_like(band[:, 0, 0, 0], start))
        size, reach = param.local_size, param.local_size // 2
        axis = Axis(kernel=size, stride=1, pad=reach)
        windows = Windows(axis, axis)
        return average_pool(values, windows).mul_(param.alpha).add_(start)

    def _band(self, values: Tensor) -> Tensor:
        """A 1x1 kernel that sums each channel's neighbours, times alpha/n."""
        channels, size = values.shape[1], self.param.lrn_param.local_size
        channel = torch.arange(channels, device=values.device)
        is_near = (channel[:, None] - channel[None]).abs() <= size // 2
        band = is_near.to(values.dtype) * (self.param.lrn_param.alpha / size)
        return band[:, :, None, None]


class _LRNFunction(torch.autograd.Function):
    """LRN that saves two blobs for its backward pass instead of one per operation."""

    @staticmethod
    def forward(context: Any, bottom: Tensor, layer: LRN) -> Tensor:
        scale = layer.scale(bottom)
        context.layer = layer
        context.save_for_backward(bottom, scale)
        return layer.power(scale).mul_(bottom)

    @staticmethod
    def backward(context: Any, top_diff: Tensor) -> tuple[Tensor, None]:
        bottom, scale = context.saved_tensors
        return context.layer.bottom_diff(top_diff, bottom, scale), None


class MVN(TorchLayer):
    """Each plane (or image: `across_channels`) minus its mean, divided by its deviation."""

    rereads_top = True
    is_wrong_in_place = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The normalised values."""
        rows = self._rows(bottoms[0].reshape(self.top_shapes[0]))
        apply: Any = _MVNFunction.apply
        top: Tensor = apply(rows, self)
        return [top.view(self.top_shapes[0])]

    def standardize(self, rows: Tensor) -> Tensor:
        """Rows minus their means, divided by their deviations."""
        param = self.param.mvn_param
        centered = rows - rows.mean(-1, keepdim=True)
        if not param.normalize_variance:
            return centered
        # Kept for the backward pass, as in Caffe.
        self.deviation = centered.square().mean(-1, keepdim=True).sqrt() + param.eps
        return centered / self.deviation

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        diff, values = self._rows(top_diff.view(top.shape)), self._rows(top)
        return self.row_gradient(diff, values).view(bottom.shape)

    def row_gradient(self, diff: Tensor, values: Tensor) -> Tensor:
        """The diffs of rows; Caffe's gradient treats `eps` as if it were inside the square root."""
        centered = diff - diff.mean(-1, keepdim=True)
        if not self.param.mvn_param.normalize_variance:
            return centered
        along = (diff * values).mean(-1, keepdim=True) * values
        return (centered - along) / self.deviation

    def _rows(self, values: Tensor) -> Tensor:
        return values.flatten(1) if self.param.mvn_param.across_channels else values.flatten(2)


class _MVNFunction(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, rows: Tensor, layer: MVN) -> Tensor:
        top = layer.standardize(rows)
        context.layer = layer
        context.save_for_backward(top)
        return top

    @staticmethod
    def backward(context: Any, top_diff: Tensor) -> tuple[Tensor, None]:
        return context.layer.row_gradient(top_diff, context.saved_tensors[0]), None
