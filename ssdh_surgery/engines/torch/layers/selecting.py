"""Layers that take a part of a blob: Slice, Crop, Filter, BatchReindex."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.blob import Shape


class Slice(Layer):
    """The bottom cut along an axis, at the points that are given or into equal parts."""

    exact_bottoms = 1
    min_tops = 1

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the axis."""
        param = self.param.slice_param
        axis = param.slice_dim if param.HasField("slice_dim") else param.axis
        self.at = self.axis(axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The parts."""
        sizes = [shape[self.at] for shape in self.top_shapes]
        return torch.split(bottoms[0], sizes, self.at)


class Crop(Layer):
    """The first bottom cut to the size of the second, from `axis` on."""

    exact_bottoms = 2
    exact_tops = 1

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the part."""
        crop, shape = self.param.crop_param, bottom_shapes[0]
        start = self.axis(crop.axis, shape)
        offsets = list(crop.offset) or [0]
        offsets = offsets * (len(shape) - start) if len(offsets) == 1 else offsets
        begins = zip([0] * start + offsets, self.top_shapes[0], strict=True)
        self.parts = tuple(slice(begin, begin + size) for begin, size in begins)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The part, in memory of its own even if it is the whole."""
        return [bottoms[0][self.parts].clone()]


class Filter(Layer):
    """The items of each bottom for which the last bottom is not zero."""

    min_bottoms = 2
    min_tops = 1

    def takes_gradient(self, bottom: int) -> bool:
        """Every bottom but the selector."""
        return bottom < self.num_tops

    def refuse_backward(self, propagate_down: Sequence[bool]) -> None:
        """Refuse a gradient for the selector."""
        self.check(
            not propagate_down[-1], f"{self.type}Layer cannot backpropagate to filter index inputs"
        )

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The items that stay."""
        is_kept = bottoms[-1].detach().flatten() != 0
        return [bottom[is_kept] for bottom in bottoms[:-1]]


class BatchReindex(Layer):
    """The items of the first bottom that the second one names, in its order."""

    exact_bottoms = 2
    exact_tops = 1

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The items."""
        index = bottoms[1].detach().long()
        if index.numel():
            self.check(int(index.min()) >= 0, "Index specified for reindex layer was negative.")
            self.check(
                int(index.max()) < len(bottoms[0]),
                "Index specified for reindex layer was greater than batch size.",
            )
        return [bottoms[0][index]]

    def refuse_backward(self, propagate_down: Sequence[bool]) -> None:
        """Refuse a gradient for the indices."""
        self.check(not propagate_down[1], "Cannot backprop to index.")
