"""Layers that select a part of a blob: Slice, Crop, Filter, BatchReindex."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.layers.layer import TorchLayer


class Slice(TorchLayer):
    """Splits the bottom along an axis, at given points or into equal parts."""

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Set the axis."""
        param = self.param.slice_param
        axis = param.slice_dim if param.HasField("slice_dim") else param.axis
        self.slice_axis = self.axis(axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The parts."""
        sizes = [shape[self.slice_axis] for shape in self.top_shapes]
        return torch.split(bottoms[0], sizes, self.slice_axis)


class Crop(TorchLayer):
    """Crops the first bottom to the size of the second, from `axis` on."""

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Compute the region."""
        crop, shape = self.param.crop_param, bottom_shapes[0]
        start = self.axis(crop.axis, shape)
        offsets = list(crop.offset) or [0]
        offsets = offsets * (len(shape) - start) if len(offsets) == 1 else offsets
        begins = zip([0] * start + offsets, self.top_shapes[0], strict=True)
        self.region = tuple(slice(begin, begin + size) for begin, size in begins)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The region, in its own memory even if it is the whole bottom."""
        return [bottoms[0][self.region].clone()]


class Filter(TorchLayer):
    """The items of each bottom for which the last bottom is nonzero."""

    def takes_gradient(self, bottom: int) -> bool:
        """Every bottom but the selector."""
        return bottom < self.num_tops

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The selected items."""
        is_selected = bottoms[-1].detach().flatten() != 0
        return [bottom[is_selected] for bottom in bottoms[:-1]]


class BatchReindex(TorchLayer):
    """The items of the first bottom at the indices in the second, in that order."""

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
