"""Batch normalisation with Caffe's three blobs: sums of means and variances, and their weight."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.blob import Shape, shape_string


class BatchNorm(Layer):
    """(x - mean) / sqrt(variance + eps) for each channel.

    In TRAIN (or with `use_global_stats: false`) the batch's own statistics are used, and added
    to the blobs: each is multiplied by `moving_average_fraction` first, the third blob counts
    what was added. With global statistics the first two are divided by the third.
    """

    exact_bottoms = 1
    exact_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Make the statistics, which the solver must leave alone."""
        norm = self.param.batch_norm_param
        self.uses_global_stats = self.phase == "TEST"
        if norm.HasField("use_global_stats"):
            self.uses_global_stats = norm.use_global_stats
        for shape in self.param_shapes:
            self.add_param(shape)
        # Caffe adds what is missing, so that the solver sees a rate of zero.
        for _ in range(len(self.param.param), 3):
            self.param.param.add(lr_mult=0)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check that there are statistics for each channel."""
        self.check(
            self.params[0].shape == self.param_shapes[0],
            f"the statistics are for {self.params[0].count} channels, the bottom is "
            f"{shape_string(bottom_shapes[0])}",
        )

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The normalised values."""
        bottom, eps = bottoms[0], self.param.batch_norm_param.eps
        if self.uses_global_stats:
            mean, variance = self.global_stats()
            shape = [1, -1] + [1] * (bottom.dim() - 2)
            # Not F.batch_norm: its folded arithmetic loses digits where |mean| is large.
            deviation = (variance + eps).sqrt().view(shape)
            return [(bottom - mean.view(shape)) / deviation]
        if bottom.numel() == bottom.shape[1]:
            # One value for each channel: it is its own mean, exactly.
            mean = bottom.mean([0, *range(2, bottom.dim())])
            self._add_stats(mean.detach(), torch.zeros_like(mean.detach()))
            return [bottom - mean.view(1, -1, *[1] * (bottom.dim() - 2))]
        if 1 in bottom.shape:
            # An axis of one may have any stride, with which torch's gradient can be wrong where
            # the channels lie innermost.
            bottom = bottom.contiguous()
        # With a momentum of 1 torch's running statistics are those of this batch.
        mean, unbiased = (torch.zeros_like(param.leaf.detach()) for param in self.params[:2])
        top = torch.batch_norm(bottom, None, None, mean, unbiased, True, 1.0, eps, False)
        self._add_stats(mean, unbiased)
        return [top]

    def global_stats(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of each channel, from the blobs."""
        mean, variance, weight = (param.leaf.detach() for param in self.params)
        factor = torch.where(weight == 0, 0.0, 1 / weight)
        return mean * factor, variance * factor

    def _add_stats(self, mean: Tensor, variance: Tensor) -> None:
        fraction = self.param.batch_norm_param.moving_average_fraction
        with torch.no_grad():
            for param in self.params:
                param.leaf.mul_(fraction)
            self.params[0].leaf.add_(mean)
            self.params[1].leaf.add_(variance)
            self.params[2].leaf.add_(1)
