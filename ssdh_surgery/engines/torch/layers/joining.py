"""Layers that join blobs or part with them: Eltwise, Concat, Split, Silence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.blob import Shape, shape_string
from ssdh_surgery.engines.torch.layers.base import Layer


class Eltwise(Layer):
    """The sum (with coefficients), product or maximum of blobs of one shape."""

    min_bottoms = 2
    exact_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check the coefficients."""
        eltwise = self.param.eltwise_param
        self.operation = self.choice(eltwise, "operation")
        self.coefficients = list(eltwise.coeff) or [1.0] * len(bottom_shapes)
        self.check(
            len(self.coefficients) == len(bottom_shapes),
            "Eltwise Layer takes one coefficient per bottom blob.",
        )
        self.check(
            self.operation != "PROD" or not eltwise.coeff,
            "Eltwise layer only takes coefficients for summation.",
        )

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The bottoms' shape."""
        first = bottom_shapes[0]
        for index, shape in enumerate(bottom_shapes):
            self.check(
                shape == first,
                f"bottom[0]: {shape_string(first)}, bottom[{index}]: {shape_string(shape)}",
            )
        return [first]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The sum, product or maximum."""
        if self.operation == "SUM":
            return [self._sum(bottoms)]
        top = bottoms[0]
        for index, bottom in enumerate(bottoms[1:]):
            if self.operation == "PROD":
                top = top * bottom
            else:
                # Of the first two equal ones Caffe takes the second, later it keeps the first.
                is_kept = top > bottom if index == 0 else top >= bottom
                top = torch.where(is_kept, top, bottom)
        return [top]

    def _sum(self, bottoms: Sequence[Tensor]) -> Tensor:
        terms = [
            bottom if coefficient == 1 else bottom * coefficient
            for bottom, coefficient in zip(bottoms, self.coefficients, strict=True)
        ]
        top = terms[0] + terms[1]
        for term in terms[2:]:
            top = top + term
        return top


class Concat(Layer):
    """Blobs one after the other along an axis."""

    min_bottoms = 1
    exact_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check how the axis is given."""
        concat = self.param.concat_param
        self.check(
            not (concat.HasField("axis") and concat.HasField("concat_dim")),
            "Either axis or concat_dim should be specified; not both.",
        )

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The bottoms' shape, with their sizes along the axis added up."""
        concat, first = self.param.concat_param, bottom_shapes[0]
        if concat.HasField("concat_dim"):
            self.check(concat.concat_dim < len(first), "concat_dim out of range.")
            self.at = concat.concat_dim
        else:
            self.at = self.axis(concat.axis, first)
        for shape in bottom_shapes[1:]:
            self.check(len(shape) == len(first), "All inputs must have the same #axes.")
            rest = (*shape[: self.at], *shape[self.at + 1 :])
            self.check(
                rest == (*first[: self.at], *first[self.at + 1 :]),
                "All inputs must have the same shape, except at concat_axis: "
                f"bottom[0] is {shape_string(first)}, another {shape_string(shape)}",
            )
        size = sum(shape[self.at] for shape in bottom_shapes)
        return [(*first[: self.at], size, *first[self.at + 1 :])]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The blobs in one."""
        return [torch.cat(list(bottoms), self.at)]


class Split(Layer):
    """The bottom again for each top; the net adds one where a blob is used several times."""

    exact_bottoms = 1
    min_tops = 1
    allows_in_place = False

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The bottom's shape for each top."""
        return [bottom_shapes[0]] * self.num_tops

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The bottom itself: tops share its memory, as in Caffe."""
        return [bottoms[0].view_as(bottoms[0]) for _ in range(self.num_tops)]


class Silence(Layer):
    """Takes blobs so that they are not outputs of the net."""

    min_bottoms = 1
    exact_tops = 0

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """No tops."""
        return []

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """No tops."""
        return []
