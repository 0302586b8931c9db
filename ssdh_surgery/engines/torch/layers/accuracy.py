"""Layers that rank predictions: Accuracy and ArgMax."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.layers.loss import read_labels


class Accuracy(TorchLayer):
    """The fraction of labels among the `top_k` largest predictions; a second top has it per class.

    As in Caffe, a prediction equal to the label's counts as larger.
    """

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Set the axis of the classes."""
        self.class_axis = self.axis(self.param.accuracy_param.axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The fractions."""
        accuracy, classes = self.param.accuracy_param, bottoms[0].shape[self.class_axis]
        rows = bottoms[0].detach().movedim(self.class_axis, -1).reshape(-1, classes)
        ignore_label = accuracy.ignore_label if accuracy.HasField("ignore_label") else None
        labels, valid = read_labels(self, bottoms[1], classes, ignore_label)
        rows, labels = rows[valid], labels[valid]
        better = (rows >= rows.gather(1, labels[:, None])).sum(1) - 1
        is_correct = (better < accuracy.top_k).float()
        tops = [is_correct.mean() if len(is_correct) else torch.zeros((), device=rows.device)]
        if self.num_tops > 1:
            one_hot = F.one_hot(labels, classes).float()
            tops.append((one_hot * is_correct[:, None]).sum(0) / one_hot.sum(0).clamp(min=1))
        return tops


class ArgMax(TorchLayer):
    """The indices of the `top_k` largest values per item, or along an axis; or the values."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The indices or the values, largest first; ties go to the last."""
        argmax, bottom = self.param.argmax_param, bottoms[0].detach()
        if argmax.HasField("axis"):
            axis = self.axis(argmax.axis, tuple(bottom.shape))
            values, indices = _largest(bottom.movedim(axis, -1), argmax.top_k)
            return [(values if argmax.out_max_val else indices).movedim(-1, axis)]
        values, indices = _largest(bottom.reshape(len(bottom), -1), argmax.top_k)
        top = torch.stack([indices, values], 1) if argmax.out_max_val else indices
        return [top.reshape(self.top_shapes[0])]


def _largest(values: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """The largest values along the last axis and their indices, as floats."""
    size = values.shape[-1]
    largest, indices = values.flip(-1).sort(dim=-1, descending=True, stable=True)
    return largest[..., :top_k], (size - 1 - indices[..., :top_k]).float()
