"""Layers that change shapes: Flatten, Reshape, Tile, and Reduction of the last axes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.layers.layer import TorchLayer


class Flatten(TorchLayer):
    """Joins the axes from `axis` to `end_axis`."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The same values."""
        return [bottoms[0].reshape(self.top_shapes[0])]


class Reshape(TorchLayer):
    """The same values in another shape: 0 copies a dimension, one -1 is inferred."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The same values."""
        return [bottoms[0].reshape(self.top_shapes[0])]


class Tile(TorchLayer):
    """The bottom repeated along an axis."""

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Set the axis."""
        self.tile_axis = self.axis(self.param.tile_param.axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The tiles."""
        repeats = [1] * bottoms[0].dim()
        repeats[self.tile_axis] = self.param.tile_param.tiles
        return [bottoms[0].repeat(repeats)]


class Reduction(TorchLayer):
    """The sum, sum of absolute values, sum of squares or mean of all axes from `axis` on."""

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Set the first axis to reduce."""
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
