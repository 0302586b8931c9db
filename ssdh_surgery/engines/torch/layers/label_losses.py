"""Losses from predictions and labels: multinomial logistic, infogain, hinge."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery import files
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.layers.custom_gradient import with_gradient
from ssdh_surgery.engines.torch.layers.loss import (
    LabelLoss,
    LossLayer,
    ignored_label,
    normalization_mode,
    read_labels,
)

# Caffe's kLOG_THRESHOLD.
_LOG_THRESHOLD = 1e-20


class MultinomialLogisticLoss(LossLayer):
    """The mean over the items of -log of the label's probability."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The loss."""
        rows = bottoms[0].detach().reshape(len(bottoms[0]), -1)
        labels, _ = read_labels(self, bottoms[1], rows.shape[1], None)
        probability = rows.gather(1, labels[:, None]).clamp(min=_LOG_THRESHOLD)

        def gradients() -> list[Tensor]:
            gradient = torch.zeros_like(rows).scatter_(1, labels[:, None], -1 / probability)
            return [(gradient / len(rows)).view(bottoms[0].shape)]

        loss = -probability.log().sum() / len(rows)
        return [with_gradient(loss, bottoms[:1], gradients)]


class InfogainLoss(LabelLoss):
    """The normalised sum over classes of -H[label, class] * log of the class's softmax.

    H is a third bottom, or comes from a binaryproto file (`source`); a second top has the softmax.
    """

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the normalisation, and the matrix if it comes from a file."""
        self.mode = normalization_mode(self, self.param.loss_param, "VALID")
        self.matrix: Tensor | None = None
        if len(bottom_shapes) < 3:
            self.matrix = self._read_matrix(self.param.infogain_loss_param.source)

    def _read_matrix(self, path: str) -> Tensor:
        from google.protobuf.message import DecodeError

        try:
            blob = schema.BlobProto.FromString(files.read_regular(path))
        except DecodeError:
            self.fail(f"the infogain matrix {path} is not a BlobProto")
        return torch.tensor(list(blob.double_data or blob.data), dtype=torch.float32)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Set the classes, and check the matrix."""
        self.read_classes(self.param.infogain_loss_param.axis, bottom_shapes[0])
        values = self.classes**2 if self.matrix is None else self.matrix.numel()
        self.check(
            values == self.classes**2,
            f"H must be {self.classes}x{self.classes}, but has {values} values",
        )

    def takes_gradient(self, bottom: int) -> bool:
        """Every bottom but the labels, as in Caffe, which then refuses the matrix as well."""
        return bottom != 1

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The loss and the probabilities."""
        predictions = bottoms[0].detach()
        matrix = bottoms[2].detach() if self.matrix is None else self.matrix.to(predictions.device)
        labels, valid = self.labels(bottoms[1], ignored_label(self.param.loss_param))
        gains = matrix.reshape(self.classes, self.classes)[labels] * valid[:, None]
        probabilities = torch.softmax(predictions, self.class_axis)
        rows = self.rows(probabilities)
        divisor = self.normalizer(self.mode, valid)

        def gradients() -> list[Tensor]:
            gradient = (rows * gains.sum(1, keepdim=True) - gains) / divisor
            return [self.unfold(gradient, predictions.shape)]

        loss = -(gains * rows.clamp(min=_LOG_THRESHOLD).log()).sum() / divisor
        return [with_gradient(loss, bottoms[:1], gradients), probabilities][: self.num_tops]


class HingeLoss(LossLayer):
    """The sum over classes of max(0, 1 + margin violation), plain (L1) or squared (L2)."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The loss."""
        rows = bottoms[0].reshape(self.items(bottoms[0]), -1)
        # If there are more labels than items, Caffe takes the first ones.
        labels, _ = read_labels(self, bottoms[1].flatten()[: len(rows)], rows.shape[1], None)
        sign = 1 - 2 * F.one_hot(labels, rows.shape[1])
        violations = F.relu(1 + sign * rows)
        is_squared = self.choice(self.param.hinge_loss_param, "norm") == "L2"
        losses = violations.square() if is_squared else violations
        return [losses.sum() / len(rows)]
