"""Layers about shapes: Flatten, Reshape, Tile, and Reduction of the last axes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ssdh_surgery.engines.torch.blob import Shape, shape_string
from ssdh_surgery.engines.torch.layers.base import Layer, count


class Flatten(Layer):
    """The axes from `axis` to `end_axis` as one."""

    exact_bottoms = 1
    exact_tops = 1
    allows_in_place = False

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The shape with fewer axes."""
        flatten, shape = self.param.flatten_param, bottom_shapes[0]
        start, end = self.axis(flatten.axis, shape), self.axis(flatten.end_axis, shape)
        self.check(start <= end + 1, f"axis {start} is behind end_axis {end}")
        self.top_shape = (*shape[:start], count(shape, start, end + 1), *shape[end + 1 :])
        return [self.top_shape]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The same values."""
        return [bottoms[0].reshape(self.top_shape)]


class Reshape(Layer):
    """The same values in another shape: 0 copies a dimension, one -1 is worked out."""

    exact_bottoms = 1
    exact_tops = 1
    allows_in_place = False

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check the number of unknown dimensions."""
        self.check(
            list(self.param.reshape_param.shape.dim).count(-1) <= 1,
            "new shape contains multiple -1 dims; at most a single (1) value of -1 may be "
            "specified",
        )

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The new shape."""
        shape = bottom_shapes[0]
        start, end = self._replaced(shape)
        dims = list(self.param.reshape_param.shape.dim)
        for i, dim in enumerate(dims):
            if dim == 0:
                self.check(
                    len(shape) > start + i,
                    "new shape contains a 0, but there was no corresponding bottom axis to copy",
                )
                dims[i] = shape[start + i]
        if -1 in dims:
            known = count(shape, 0, start) * count(shape, end)
            known *= count(tuple(dim for dim in dims if dim != -1))
            self.check(
                known != 0 and count(shape) % known == 0,
                f"bottom count ({count(shape)}) must be divisible by the product of the "
                f"specified dimensions ({known})",
            )
            dims[dims.index(-1)] = count(shape) // known
        self.top_shape = (*shape[:start], *dims, *shape[end:])
        self.check(
            count(self.top_shape) == count(shape),
            f"output count must match input count: {shape_string(self.top_shape)} is not "
            f"{shape_string(shape)}",
        )
        return [self.top_shape]

    def _replaced(self, shape: Shape) -> tuple[int, int]:
        """The axes that are replaced: from the first to before the second."""
        reshape, axes = self.param.reshape_param, len(shape)
        start = reshape.axis if reshape.axis >= 0 else axes + reshape.axis + 1
        self.check(start >= 0, f"axis {reshape.axis} out of range")
        self.check(start <= axes, f"axis {reshape.axis} out of range for {axes}-D input blob")
        self.check(reshape.num_axes >= -1, "num_axes must be >= 0, or -1 for all")
        end = axes if reshape.num_axes == -1 else start + reshape.num_axes
        self.check(end <= axes, "end_axis = axis + num_axes is out of range")
        return start, end

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The same values."""
        return [bottoms[0].reshape(self.top_shape)]


class Tile(Layer):
    """The bottom repeated along an axis."""

    exact_bottoms = 1
    exact_tops = 1

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The axis times the number of tiles."""
        tile, shape = self.param.tile_param, bottom_shapes[0]
        self.at = self.axis(tile.axis, shape)
        self.check(tile.HasField("tiles"), "Number of tiles must be specified")
        self.check(tile.tiles > 0, "Number of tiles must be positive.")
        return [(*shape[: self.at], shape[self.at] * tile.tiles, *shape[self.at + 1 :])]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The tiles."""
        repeats = [1] * bottoms[0].dim()
        repeats[self.at] = self.param.tile_param.tiles
        return [bottoms[0].repeat(repeats)]


class Reduction(Layer):
    """The sum, sum of absolute values, sum of squares or mean of all axes from `axis` on."""

    exact_bottoms = 1
    exact_tops = 1

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The axes before `axis`."""
        reduction, shape = self.param.reduction_param, bottom_shapes[0]
        self.start = self.axis(reduction.axis, shape)
        return [shape[: self.start]]

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
