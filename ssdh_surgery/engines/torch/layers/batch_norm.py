"""Batch normalisation with Caffe's three blobs: sums of means and variances, and their weight."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape, shape_string
from ssdh_surgery.engines.torch.layers.layer import TorchLayer


class BatchNorm(TorchLayer):
    """(x - mean) / sqrt(variance + eps) per channel.

    In TRAIN (or with `use_global_stats: false`) the statistics of the batch are used, and added
    to the blobs: the blobs are first multiplied by `moving_average_fraction`, and the third one
    counts the additions. Global statistics are the first two blobs divided by the third.
    """

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Create the statistics, which the solver must not update."""
        norm = self.param.batch_norm_param
        self.uses_global_stats = self.phase == "TEST"
        if norm.HasField("use_global_stats"):
            self.uses_global_stats = norm.use_global_stats
        for shape in self.param_shapes:
            self.add_param(shape)
        # Like Caffe, add missing `param` entries with a learning rate of zero.
        for _ in range(len(self.param.param), 3):
            self.param.param.add(lr_mult=0)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check that there are statistics for every channel."""
        self.check(
            self.params[0].shape == self.param_shapes[0],
            f"the statistics are for {self.params[0].count} channels, but the bottom is "
            f"{shape_string(bottom_shapes[0])}",
        )

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The normalised values."""
        bottom, eps = bottoms[0], self.param.batch_norm_param.eps
        if self.uses_global_stats:
            mean, variance = self.global_stats()
            shape = [1, -1] + [1] * (bottom.dim() - 2)
            # Not F.batch_norm: its folded arithmetic loses digits if |mean| is large.
            deviation = (variance + eps).sqrt().view(shape)
            return [(bottom - mean.view(shape)) / deviation]
        if bottom.numel() == bottom.shape[1]:
            # One value per channel: it is exactly its own mean.
            mean = bottom.mean([0, *range(2, bottom.dim())])
            self._add_stats(mean.detach(), torch.zeros_like(mean.detach()))
            return [bottom - mean.view(1, -1, *[1] * (bottom.dim() - 2))]
        if 1 in bottom.shape:
            # An axis of size 1 may have any stride, and torch's gradient can then be wrong in
            # channels-last layout.
            bottom = bottom.contiguous()
        # With a momentum of 1, torch's running statistics are those of this batch.
        mean, unbiased = (torch.zeros_like(param.leaf.detach()) for param in self.params[:2])
        top = torch.batch_norm(bottom, None, None, mean, unbiased, True, 1.0, eps, False)
        self._add_stats(mean, unbiased)
        return [top]

    def global_stats(self) -> tuple[Tensor, Tensor]:
        """Mean and variance per channel, from the blobs."""
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
