"""What is counted and not learned: Accuracy and ArgMax."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.blob import Shape
from ssdh_surgery.engines.torch.layers.loss import read_labels


class Accuracy(Layer):
    """The share of labels among the `top_k` greatest predictions; a second top has it by class.

    A prediction that equals the label's counts as greater, as in Caffe.
    """

    exact_bottoms = 2
    min_tops = 1
    max_tops = 2
    has_gradient = False

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the axis of the classes."""
        self.at = self.axis(self.param.accuracy_param.axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The shares."""
        accuracy, classes = self.param.accuracy_param, bottoms[0].shape[self.at]
        rows = bottoms[0].detach().movedim(self.at, -1).reshape(-1, classes)
        ignored = accuracy.ignore_label if accuracy.HasField("ignore_label") else None
        labels, valid = read_labels(self, bottoms[1], classes, ignored)
        rows, labels = rows[valid], labels[valid]
        better = (rows >= rows.gather(1, labels[:, None])).sum(1) - 1
        right = (better < accuracy.top_k).float()
        tops = [right.mean() if len(right) else torch.zeros((), device=rows.device)]
        if self.num_tops > 1:
            of_class = F.one_hot(labels, classes).float()
            tops.append((of_class * right[:, None]).sum(0) / of_class.sum(0).clamp(min=1))
        return tops


class ArgMax(Layer):
    """The places of the `top_k` greatest values of each item, or along an axis; or the values."""

    exact_bottoms = 1
    exact_tops = 1
    has_gradient = False

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The places or the values, the greatest first; of equal ones the last."""
        argmax, bottom = self.param.argmax_param, bottoms[0].detach()
        if argmax.HasField("axis"):
            at = self.axis(argmax.axis, tuple(bottom.shape))
            values, places = _greatest(bottom.movedim(at, -1), argmax.top_k)
            return [(values if argmax.out_max_val else places).movedim(-1, at)]
        values, places = _greatest(bottom.reshape(len(bottom), -1), argmax.top_k)
        top = torch.stack([places, values], 1) if argmax.out_max_val else places
        return [top.reshape(self.top_shapes[0])]


def _greatest(values: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """The greatest values along the last axis and their places, as floats."""
    size = values.shape[-1]
    greatest, places = values.flip(-1).sort(dim=-1, descending=True, stable=True)
    return greatest[..., :top_k], (size - 1 - places[..., :top_k]).float()
