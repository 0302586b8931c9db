"""Layers about shapes: Flatten, Reshape, Tile, and Reduction of the last axes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.blob import Shape


class Flatten(Layer):
    """The axes from `axis` to `end_axis` as one."""

    exact_bottoms = 1
    exact_tops = 1
    allows_in_place = False

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The same values."""
        return [bottoms[0].reshape(self.top_shapes[0])]


class Reshape(Layer):
    """The same values in another shape: 0 copies a dimension, one -1 is worked out."""

    exact_bottoms = 1
    exact_tops = 1
    allows_in_place = False

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The same values."""
        return [bottoms[0].reshape(self.top_shapes[0])]


class Tile(Layer):
    """The bottom repeated along an axis."""

    exact_bottoms = 1
    exact_tops = 1

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the axis."""
        self.at = self.axis(self.param.tile_param.axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The tiles."""
        repeats = [1] * bottoms[0].dim()
        repeats[self.at] = self.param.tile_param.tiles
        return [bottoms[0].repeat(repeats)]


class Reduction(Layer):
    """The sum, sum of absolute values, sum of squares or mean of all axes from `axis` on."""

    exact_bottoms = 1
    exact_tops = 1

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the first axis that goes."""
        self.start = self.axis(self.param.reduction_param.axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The reduced values times `coeff`."""
        reduction = self.param.reduction_param
        rows = bottoms[0].flatten(self.start)
        match self.choice(reduction, "operation"):
            case "SUM":
                top = rows.sum(-1)
            case "ASUM":
                top = rows.abs().sum(-1)
            case "SUMSQ":
                top = rows.square().sum(-1)
            case _:
                top = rows.mean(-1)
        return [top * reduction.coeff if reduction.coeff != 1 else top]
