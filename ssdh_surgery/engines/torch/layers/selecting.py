"""Layers that take a part of a blob: Slice, Crop, Filter, BatchReindex."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.blob import Shape, shape_string
from ssdh_surgery.engines.torch.layers.base import Layer


class Slice(Layer):
    """The bottom cut along an axis, at the points that are given or into equal parts."""

    exact_bottoms = 1
    min_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check how the axis is given."""
        param = self.param.slice_param
        self.check(
            not (param.HasField("axis") and param.HasField("slice_dim")),
            "Either axis or slice_dim should be specified; not both.",
        )

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """A top for each part."""
        param, shape = self.param.slice_param, bottom_shapes[0]
        if param.HasField("slice_dim"):
            self.check(param.slice_dim < len(shape), "slice_dim out of range.")
            self.at = param.slice_dim
        else:
            self.at = self.axis(param.axis, shape)
        self.sizes = self._sizes(shape)
        return [(*shape[: self.at], size, *shape[self.at + 1 :]) for size in self.sizes]

    def _sizes(self, shape: Shape) -> list[int]:
        size, points = shape[self.at], list(self.param.slice_param.slice_point)
        if not points:
            self.check(
                size % self.num_tops == 0,
                f"Number of top blobs ({self.num_tops}) should evenly divide input slice axis "
                f"({size})",
            )
            return [size // self.num_tops] * self.num_tops
        self.check(
            len(points) == self.num_tops - 1,
            f"{len(points)} slice points cut {len(points) + 1} parts, but there are "
            f"{self.num_tops} tops",
        )
        sizes = [end - begin for begin, end in zip([0, *points], [*points, size], strict=True)]
        self.check(
            min(sizes) > 0,
            f"slice points {points} do not cut slice axis: {self.at}, bottom[0] shape: "
            f"{shape_string(shape)}",
        )
        return sizes

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The parts."""
        return torch.split(bottoms[0], self.sizes, self.at)


class Crop(Layer):
    """The first bottom cut to the size of the second, from `axis` on."""

    exact_bottoms = 2
    exact_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check the number of offsets."""
        crop, shape = self.param.crop_param, bottom_shapes[0]
        self.check(
            len(crop.offset) <= 1 or self.axis(crop.axis, shape) + len(crop.offset) == len(shape),
            "number of offset values specified must be equal to the number of dimensions "
            "following axis.",
        )

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The second bottom's sizes from `axis` on."""
        crop, (shape, like) = self.param.crop_param, bottom_shapes
        start = self.axis(crop.axis, shape)
        self.check(
            len(like) >= len(shape),
            f"the size is taken from a blob of {len(like)} axes for one of {len(shape)}",
        )
        offsets = list(crop.offset) or [0]
        offsets = offsets * (len(shape) - start) if len(offsets) == 1 else offsets
        for axis, offset in zip(range(start, len(shape)), offsets, strict=True):
            self.check(
                shape[axis] - offset >= like[axis],
                f"the crop for dimension {axis} is out-of-bounds with size {like[axis]} and "
                f"offset {offset}",
            )
        top = (*shape[:start], *like[start : len(shape)])
        begins = [0] * start + offsets
        self.parts = tuple(
            slice(begin, begin + size) for begin, size in zip(begins, top, strict=True)
        )
        return [top]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The part."""
        return [bottoms[0][self.parts]]


class Filter(Layer):
    """The items of each bottom for which the last bottom is not zero."""

    min_bottoms = 2
    min_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check the number of tops."""
        self.check(
            self.num_tops == len(bottom_shapes) - 1,
            "there must be a top for each bottom but the last",
        )

    def takes_gradient(self, bottom: int) -> bool:
        """Every bottom but the selector."""
        return bottom < self.num_tops

    def refuse_backward(self, propagate_down: Sequence[bool]) -> None:
        """Refuse a gradient for the selector."""
        self.check(
            not propagate_down[-1], f"{self.type}Layer cannot backpropagate to filter index inputs"
        )

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The bottoms' shapes; how many items stay is known only when the data are."""
        *bottoms, selector = bottom_shapes
        self.check(
            all(size == 1 for size in selector[1:]),
            "Selector blob dimensions must be singletons (1), except the first",
        )
        for shape in bottoms:
            self.check(
                shape[0] == selector[0],
                "Each bottom should have the same 0th dimension as the selector blob",
            )
        return bottoms

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The items that stay."""
        is_kept = bottoms[-1].detach().flatten() != 0
        return [bottom[is_kept] for bottom in bottoms[:-1]]


class BatchReindex(Layer):
    """The items of the first bottom that the second one names, in its order."""

    exact_bottoms = 2
    exact_tops = 1

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """As many items as there are indices."""
        shape, index = bottom_shapes
        self.check(len(index) == 1, "the indices must have one axis")
        return [(index[0], *shape[1:])]

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
