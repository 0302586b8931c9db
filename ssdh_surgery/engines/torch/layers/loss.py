"""Base classes and helpers of loss layers: loss weights, labels, normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape, count
from ssdh_surgery.engines.torch.layers.layer import TorchLayer

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import LossParameter


class LossLayer(TorchLayer):
    """A loss; by default its second bottom takes no gradient."""

    blind_bottoms = frozenset({1})

    def setup(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """Set up with a default loss weight of 1, for one top."""
        if not self.loss_weights:
            self.loss_weights = [1.0]
        return super().setup(bottom_shapes)

    def items(self, bottom: Tensor) -> int:
        """The number of items in a bottom, which Caffe accepts with up to four axes."""
        self.check(bottom.dim() <= 4, "Cannot use legacy accessors on Blobs with > 4 axes.")
        return len(bottom)


class LabelLoss(LossLayer):
    """A loss from predictions along an axis and one label per prediction."""

    class_axis: int
    outer: int
    inner: int
    classes: int

    def read_classes(self, axis: int, shape: Shape) -> None:
        """Set the axis and number of classes for predictions of a shape."""
        self.class_axis = self.axis(axis, shape)
        self.outer, self.inner = count(shape, 0, self.class_axis), count(shape, self.class_axis + 1)
        self.classes = shape[self.class_axis]

    def rows(self, predictions: Tensor) -> Tensor:
        """Predictions as [labels, classes]."""
        folded = predictions.reshape(self.outer, self.classes, self.inner)
        return folded.transpose(1, 2).reshape(-1, self.classes)

    def unfold(self, rows: Tensor, shape: Sequence[int]) -> Tensor:
        """Rows [labels, classes] in the shape of the predictions again."""
        return rows.view(self.outer, self.inner, self.classes).transpose(1, 2).reshape(*shape)

    def labels(self, blob: Tensor, ignore_label: int | None = None) -> tuple[Tensor, Tensor]:
        """Labels as integers (0 for ignored ones), and a mask of those that count.

        Raises:
            EngineError: a label that counts is out of range.
        """
        return read_labels(self, blob, self.classes, ignore_label)

    def normalizer(self, mode: str, valid: Tensor) -> Tensor:
        """The divisor of the sum of losses, at least 1."""
        return normalizer(mode, valid, self.outer, self.inner)


def read_labels(
    layer: TorchLayer, blob: Tensor, classes: int, ignore_label: int | None
) -> tuple[Tensor, Tensor]:
    """Labels as integers, truncated as in C++ (0 for ignored ones), and a mask of those that count.

    Caffe reads out of bounds for a label that is out of range.

    Raises:
        EngineError: a label that counts is out of range.
    """
    labels = blob.detach().flatten().long()
    valid = (
        torch.ones_like(labels, dtype=torch.bool)
        if ignore_label is None
        else labels != ignore_label
    )
    labels = labels.where(valid, 0)
    if labels.numel():
        low, high = (int(bound) for bound in torch.aminmax(labels))
        extreme = low if low < 0 else high
        if not 0 <= extreme < classes:
            raise layer.error(
                f"label {extreme} is not one of the {classes} classes (0 to {classes - 1})",
                hint="set num_output of the layer below to the number of classes, "
                "or correct the labels",
                label=extreme,
            )
    return labels, valid


def normalization_mode(layer: TorchLayer, loss: LossParameter, default: str) -> str:
    """The normalisation mode of a `loss_param`, including the deprecated `normalize`."""
    if not loss.HasField("normalization"):
        if loss.HasField("normalize"):
            return "VALID" if loss.normalize else "BATCH_SIZE"
        return default
    return layer.choice(loss, "normalization")


def normalizer(mode: str, valid: Tensor, outer: int, inner: int) -> Tensor:
    """The divisor of a sum of losses, at least 1; `valid` is the mask of terms that count."""
    if mode == "VALID":
        return valid.sum().clamp(min=1).float()
    sizes = {"FULL": outer * inner, "BATCH_SIZE": outer, "NONE": 1}
    return torch.tensor(float(max(1, sizes[mode])), device=valid.device)


def ignored_label(loss: LossParameter) -> int | None:
    """The label that a `loss_param` ignores, if any."""
    return loss.ignore_label if loss.HasField("ignore_label") else None
