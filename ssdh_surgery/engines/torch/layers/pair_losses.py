"""Losses from two blobs: Euclidean, contrastive, sigmoid cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape, count
from ssdh_surgery.engines.torch.layers.custom_gradient import with_gradient
from ssdh_surgery.engines.torch.layers.loss import (
    LossLayer,
    ignored_label,
    normalization_mode,
    normalizer,
)


class EuclideanLoss(LossLayer):
    """Half the mean squared distance over the items; both bottoms take a gradient."""

    blind_bottoms = frozenset()

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The loss."""
        difference = bottoms[0].flatten() - bottoms[1].flatten()
        return [difference.square().sum() / self.items(bottoms[0]) / 2]


class SigmoidCrossEntropyLoss(LossLayer):
    """The cross-entropy between the sigmoids of the first bottom and the targets in the second."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the normalisation."""
        self.mode = normalization_mode(self, self.param.loss_param, "BATCH_SIZE")

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The loss."""
        shape = tuple(bottoms[0].shape)
        targets = bottoms[1].detach().reshape(shape)
        ignore_label = ignored_label(self.param.loss_param)
        # Caffe compares the integer part of the target.
        valid = (
            torch.ones_like(targets)
            if ignore_label is None
            else (targets.long() != ignore_label).float()
        )
        losses = F.binary_cross_entropy_with_logits(bottoms[0], targets, valid, reduction="sum")
        return [losses / normalizer(self.mode, valid, shape[0], count(shape, 1))]


class ContrastiveLoss(LossLayer):
    """Half the mean of the squared distances of similar pairs, and of the squared shortfalls of
    dissimilar pairs from a margin.

    The third bottom is nonzero for similar pairs.
    """

    blind_bottoms = frozenset({2})

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The loss."""
        contrastive = self.param.contrastive_loss_param
        margin, items = contrastive.margin, bottoms[0].shape[0]
        difference = (bottoms[0] - bottoms[1].view_as(bottoms[0])).detach().reshape(items, -1)
        is_similar = bottoms[2].detach().flatten().long() != 0
        squared = difference.square().sum(1)
        if contrastive.legacy_version:
            missing = margin - squared
            dissimilar, slope = missing.clamp(min=0), -(missing > 0).float()
        else:
            distance = squared.sqrt()
            missing = (margin - distance).clamp(min=0)
            # Caffe's guard against a distance of zero.
            dissimilar, slope = missing.square(), -missing / (distance + 1e-4)

        def gradients() -> list[Tensor]:
            gradient = difference * torch.where(is_similar, 1.0, slope)[:, None] / items
            gradient = gradient.view(bottoms[0].shape)
            return [gradient, -gradient.view(bottoms[1].shape)]

        loss = torch.where(is_similar, squared, dissimilar).sum() / items / 2
        return [with_gradient(loss, bottoms[:2], gradients)]
