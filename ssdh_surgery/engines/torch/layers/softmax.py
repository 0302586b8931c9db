"""Softmax, and SoftmaxWithLoss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.layers.custom_gradient import with_gradient
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.layers.loss import LabelLoss, ignored_label, normalization_mode

_FLT_MIN = torch.finfo(torch.float32).tiny


class Softmax(TorchLayer):
    """exp(x) divided by the sum of exp(x) along an axis."""

    rereads_top = True

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Set the axis of the classes."""
        self.class_axis = self.axis(self.param.softmax_param.axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The probabilities."""
        return [torch.softmax(bottoms[0], self.class_axis)]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        return (top_diff - (top_diff * top).sum(self.class_axis, keepdim=True)) * top


class SoftmaxWithLoss(LabelLoss):
    """The normalised sum of -log of the label's softmax.

    Probabilities are at least the smallest normal float, which makes the loss at most 87.3365. A
    second top, for the softmax, is refused: BVLC Caffe 1.0 declares it but cannot set it up.
    """

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the normalisation."""
        self.mode = normalization_mode(self, self.param.loss_param, "VALID")

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Set the classes."""
        self.read_classes(self.param.softmax_param.axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The loss."""
        predictions = bottoms[0].detach()
        labels, valid = self.labels(bottoms[1], ignored_label(self.param.loss_param))
        rows = self.rows(torch.softmax(predictions, self.class_axis))
        losses = -rows.gather(1, labels[:, None]).squeeze(1).clamp(min=_FLT_MIN).log()
        divisor = self.normalizer(self.mode, valid)

        def gradients() -> list[Tensor]:
            ones = F.one_hot(labels, self.classes)
            gradient = (rows - ones) * valid[:, None] / divisor
            return [self.unfold(gradient, predictions.shape)]

        loss = losses.where(valid, 0).sum() / divisor
        return [with_gradient(loss, bottoms[:1], gradients)]
