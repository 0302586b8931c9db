"""Layers that need no bottom and no file: Input, DummyData, Parameter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.blob import Shape


class Input(Layer):
    """Blobs that somebody else writes."""

    exact_bottoms = 0
    min_tops = 1

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """What was written stays."""
        return [None] * self.num_tops


class DummyData(Layer):
    """Blobs that fillers fill: once if constant, else at every pass."""

    exact_bottoms = 0
    min_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the fillers."""
        dummy, tops = self.param.dummy_data_param, self.num_tops
        # Without a filler: zeros.
        fillers = list(dummy.data_filler) or [dummy.data_filler.add()]
        self.fillers = fillers * (1 if len(fillers) == tops else tops)

    def first_tops(self) -> Sequence[Tensor | None]:
        """The constants."""
        return self._filled(are_constant=True)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """What the random fillers make; constants stay as they are."""
        return self._filled(are_constant=False)

    def _filled(self, are_constant: bool) -> list[Tensor | None]:
        tops: list[Tensor | None] = []
        for shape, filler in zip(self.top_shapes, self.fillers, strict=True):
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
        self.add_param(self.param_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The blob."""
        return [self.replacing_weight(0).clone()]
