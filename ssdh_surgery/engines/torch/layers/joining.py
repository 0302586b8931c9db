"""Layers that join blobs or part with them: Eltwise, Concat, Split, Silence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.blob import Shape


class Eltwise(Layer):
    """The sum (with coefficients), product or maximum of blobs of one shape."""

    min_bottoms = 2
    exact_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the operation and the coefficients."""
        eltwise = self.param.eltwise_param
        self.operation = self.choice(eltwise, "operation")
        self.coefficients = list(eltwise.coeff) or [1.0] * len(bottom_shapes)

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

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Find the axis."""
        concat = self.param.concat_param
        axis = concat.concat_dim if concat.HasField("concat_dim") else concat.axis
        self.at = self.axis(axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The blobs in one."""
        return [torch.cat(list(bottoms), self.at)]


class Split(Layer):
    """The bottom again for each top; the net adds one where a blob is used several times."""

    exact_bottoms = 1
    min_tops = 1
    allows_in_place = False

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The bottom itself: tops share its memory, as in Caffe."""
        return [bottoms[0].view_as(bottoms[0]) for _ in range(self.num_tops)]


class Silence(Layer):
    """Takes blobs so that they are not outputs of the net."""

    min_bottoms = 1
    exact_tops = 0

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """No tops."""
        return []
