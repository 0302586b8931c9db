"""Layers without bottoms and files: Input, DummyData, Parameter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.layers.layer import TorchLayer


class Input(TorchLayer):
    """Blobs that the user writes."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """The blobs stay as written."""
        return [None] * self.num_tops


class DummyData(TorchLayer):
    """Blobs filled by fillers: once if constant, otherwise in every pass."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the fillers."""
        dummy, tops = self.param.dummy_data_param, self.num_tops
        # Zeros by default.
        fillers = list(dummy.data_filler) or [dummy.data_filler.add()]
        self.fillers = fillers * (1 if len(fillers) == tops else tops)

    def first_tops(self) -> Sequence[Tensor | None]:
        """The constants."""
        return self._fill_tops(are_constant=True)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """New values of the random fillers; constants stay unchanged."""
        return self._fill_tops(are_constant=False)

    def _fill_tops(self, are_constant: bool) -> list[Tensor | None]:
        tops: list[Tensor | None] = []
        for shape, filler in zip(self.top_shapes, self.fillers, strict=True):
            top = None
            if (filler.type == "constant") == are_constant:
                top = torch.empty(shape, device=self.context.device)
                self.fill(top, filler)
            tops.append(top)
        return tops


class Parameter(TorchLayer):
    """A learned blob as a top."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Create the blob: zeros until it is copied or written."""
        self.add_param(self.param_shapes[0])

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The blob."""
        return [self.replacing_weight(0).clone()]
