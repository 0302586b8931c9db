"""Layers that combine, duplicate or discard blobs: Eltwise, Concat, Split, Silence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.layers.layer import TorchLayer


class Eltwise(TorchLayer):
    """The sum (with coefficients), product or maximum of blobs of the same shape."""

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
                # For ties Caffe takes the second of the first two bottoms, later the former one.
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


class Concat(TorchLayer):
    """Concatenates blobs along an axis."""

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Set the axis."""
        concat = self.param.concat_param
        axis = concat.concat_dim if concat.HasField("concat_dim") else concat.axis
        self.concat_axis = self.axis(axis, bottom_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The concatenated blob."""
        return [torch.cat(list(bottoms), self.concat_axis)]


class Split(TorchLayer):
    """Copies the bottom to each top; the net inserts one if a blob is read several times."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """Views of the bottom: tops share its memory, as in Caffe."""
        return [bottoms[0].view_as(bottoms[0]) for _ in range(self.num_tops)]


class Silence(TorchLayer):
    """Consumes blobs so that they are not outputs of the net."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """No tops."""
        return []
