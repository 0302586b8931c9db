"""Softmax, and the loss that goes with it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import NeuronLayer, with_gradient
from ssdh_surgery.engines.torch.layers.blob import Shape
from ssdh_surgery.engines.torch.layers.loss import LabelLoss, ignored_label, normalization_mode

_FLT_MIN = torch.finfo(torch.float32).tiny


class Softmax(NeuronLayer):
    """exp(x) over the sum of exp(x) along an axis."""

    rereads_top = True

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the axis of the classes."""
        self.at = self.axis(self.param.softmax_param.axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The probabilities."""
        return [torch.softmax(bottoms[0], self.at)]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from what the blobs hold."""
        return (top_diff - (top_diff * top).sum(self.at, keepdim=True)) * top


class SoftmaxWithLoss(LabelLoss):
    """-log of the softmax at the label, summed and normalised.

    A probability below the smallest float counts as that, which is a loss of 87.3365. A second
    top, for the softmax, is refused: BVLC Caffe 1.0 has it, but cannot set it up.
    """

    exact_tops = None
    min_tops = 1
    max_tops = 2

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the normalisation."""
        self.mode = normalization_mode(self, self.param.loss_param, "VALID")

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the classes."""
        self.read_classes(self.param.softmax_param.axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The loss."""
        predictions = bottoms[0].detach()
        labels, valid = self.labels(bottoms[1], ignored_label(self.param.loss_param))
        rows = self.rows(torch.softmax(predictions, self.at))
        losses = -rows.gather(1, labels[:, None]).squeeze(1).clamp(min=_FLT_MIN).log()
        divisor = self.normalizer(self.mode, valid)

        def gradients() -> list[Tensor]:
            ones = F.one_hot(labels, self.classes)
            gradient = (rows - ones) * valid[:, None] / divisor
            return [self.unfolded(gradient, predictions.shape)]

        loss = losses.where(valid, 0).sum() / divisor
        return [with_gradient(loss, bottoms[:1], gradients)]
