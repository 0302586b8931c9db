"""Layers that need no bottom and no file: Input, DummyData, Parameter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.blob import Shape
from ssdh_surgery.engines.torch.layers.base import Layer


class Input(Layer):
    """Blobs that somebody else writes."""

    exact_bottoms = 0
    min_tops = 1

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The shapes that are given, once or for each top; else scalars until reshaped."""
        shapes = [tuple(shape.dim) for shape in self.param.input_param.shape]
        self.check(
            len(shapes) in (0, 1, self.num_tops),
            "Must specify 'shape' once, once per top blob, or not at all: "
            f"{self.num_tops} tops vs. {len(shapes)} shapes.",
        )
        return (shapes or [()]) * (1 if len(shapes) == self.num_tops else self.num_tops)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """What was written stays."""
        return [None] * self.num_tops


class DummyData(Layer):
    """Blobs that fillers fill: once if constant, else at every pass."""

    exact_bottoms = 0
    min_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read fillers and shapes."""
        dummy, tops = self.param.dummy_data_param, self.num_tops
        fillers = list(dummy.data_filler)
        self.check(
            len(fillers) in (0, 1, tops),
            "Number of data fillers must be 0, 1 or equal to the number of tops: "
            f"{tops}; you specified {len(fillers)} data fillers.",
        )
        # Without a filler: zeros.
        fillers = fillers or [dummy.data_filler.add()]
        self.fillers = fillers * (1 if len(fillers) == tops else tops)
        self.shapes = self._read_shapes()

    def _read_shapes(self) -> list[Shape]:
        dummy, tops = self.param.dummy_data_param, self.num_tops
        legacy = {
            "num": list(dummy.num),
            "channels": list(dummy.channels),
            "height": list(dummy.height),
            "width": list(dummy.width),
        }
        if any(legacy.values()):
            self.check(not dummy.shape, "Both shape and legacy fields were specified")
            sizes = [self._for_each_top(name, values) for name, values in legacy.items()]
            return [tuple(shape) for shape in zip(*sizes, strict=True)]
        shapes = [tuple(shape.dim) for shape in dummy.shape]
        self.check(
            len(shapes) in (1, tops),
            f"Must specify 'shape' once, or once per top blob ({tops}); specified {len(shapes)}.",
        )
        return shapes * (1 if len(shapes) == tops else tops)

    def _for_each_top(self, name: str, values: list[int]) -> list[int]:
        tops = self.num_tops
        self.check(
            len(values) in (1, tops),
            f"Must specify '{name}' once, or once per top blob ({tops}); specified {len(values)}.",
        )
        return values * (1 if len(values) == tops else tops)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The shapes that are given."""
        return self.shapes

    def first_tops(self) -> Sequence[Tensor | None]:
        """The constants."""
        return self._filled(are_constant=True)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """What the random fillers make; constants stay as they are."""
        return self._filled(are_constant=False)

    def _filled(self, are_constant: bool) -> list[Tensor | None]:
        tops: list[Tensor | None] = []
        for shape, filler in zip(self.shapes, self.fillers, strict=True):
            top = None
            if (filler.type == "constant") == are_constant:
                top = torch.empty(shape, device=self.setting.device)
                self.fill(top, filler)
            tops.append(top)
        return tops


class Parameter(Layer):
    """A learned blob as a top."""

    exact_bottoms = 0
    exact_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Make the blob, zeros until it is copied or written."""
        self.add_param(tuple(self.param.parameter_param.shape.dim))

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The blob's shape."""
        return [self.params[0].shape]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The blob."""
        return [self.weight(0).clone()]
