"""What loss layers share: a scalar top that the net minimises, labels, and what is divided by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer, count
from ssdh_surgery.engines.torch.layers.blob import Shape

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import LossParameter


class LossLayer(Layer):
    """A loss: by default of two bottoms, the second of which takes no gradient, and one top."""

    exact_bottoms: ClassVar[int | None] = 2
    exact_tops: ClassVar[int | None] = 1
    has_automatic_tops = True
    blind_bottoms = frozenset({1})

    def setup(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """Set up with a weight of 1 where none is given, for one top."""
        if not self.loss_weights:
            self.loss_weights = [1.0]
        return super().setup(bottom_shapes)

    def items(self, bottom: Tensor) -> int:
        """The number of items in a bottom, of which Caffe asks one of four axes at most."""
        self.check(bottom.dim() <= 4, "Cannot use legacy accessors on Blobs with > 4 axes.")
        return len(bottom)


class LabelLoss(LossLayer):
    """A loss of predictions along an axis, and a label for each of them."""

    at: int
    outer: int
    inner: int
    classes: int

    def read_classes(self, axis: int, shape: Shape) -> None:
        """Find the classes of predictions of a shape."""
        self.at = self.axis(axis, shape)
        self.outer, self.inner = count(shape, 0, self.at), count(shape, self.at + 1)
        self.classes = shape[self.at]

    def rows(self, predictions: Tensor) -> Tensor:
        """Predictions as [labels, classes]."""
        folded = predictions.reshape(self.outer, self.classes, self.inner)
        return folded.transpose(1, 2).reshape(-1, self.classes)

    def unfolded(self, rows: Tensor, shape: Sequence[int]) -> Tensor:
        """Rows of [labels, classes] as predictions again."""
        return rows.view(self.outer, self.inner, self.classes).transpose(1, 2).reshape(*shape)

    def labels(self, blob: Tensor, ignored: int | None = None) -> tuple[Tensor, Tensor]:
        """Labels as whole numbers (0 for ignored ones), and which of them count.

        Raises:
            EngineError: a label that counts is not one of the classes.
        """
        return read_labels(self, blob, self.classes, ignored)

    def normalizer(self, mode: str, valid: Tensor) -> Tensor:
        """What the sum of losses is divided by, at least 1."""
        return normalizer(mode, valid, self.outer, self.inner)


def read_labels(
    layer: Layer, blob: Tensor, classes: int, ignored: int | None
) -> tuple[Tensor, Tensor]:
    """Labels as whole numbers, cut as C++ cuts them (0 for ignored ones), and which count.

    Caffe reads memory that is not its own where a label is not one of the classes.

    Raises:
        EngineError: a label that counts is not one of the classes.
    """
    labels = blob.detach().flatten().long()
    valid = torch.ones_like(labels, dtype=torch.bool) if ignored is None else labels != ignored
    labels = labels.where(valid, 0)
    if labels.numel():
        low, high = (int(bound) for bound in torch.aminmax(labels))
        wrong = low if low < 0 else high
        if not 0 <= wrong < classes:
            raise layer.error(
                f"label {wrong} is not one of the {classes} classes (0 to {classes - 1})",
                hint="set num_output of the layer below to the number of classes, "
                "or correct the labels",
                label=wrong,
            )
    return labels, valid


def normalization_mode(layer: Layer, loss: LossParameter, default: str) -> str:
    """The way of normalising that a `loss_param` asks for, the old `normalize` included."""
    if not loss.HasField("normalization"):
        if loss.HasField("normalize"):
            return "VALID" if loss.normalize else "BATCH_SIZE"
        return default
    return layer.choice(loss, "normalization")


def normalizer(mode: str, valid: Tensor, outer: int, inner: int) -> Tensor:
    """What a sum of losses is divided by, at least 1: `valid` says which terms count."""
    if mode == "VALID":
        return valid.sum().clamp(min=1).float()
    sizes = {"FULL": outer * inner, "BATCH_SIZE": outer, "NONE": 1}
    return torch.tensor(float(max(1, sizes[mode])), device=valid.device)


def ignored_label(loss: LossParameter) -> int | None:
    """The label that a `loss_param` leaves out, if any."""
    return loss.ignore_label if loss.HasField("ignore_label") else None
