"""Layers that read data: their batches come from a source that the net's setting opens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer, Source
from ssdh_surgery.engines.torch.layers.blob import Shape, shape_string
from ssdh_surgery.errors import SsdhError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SourceLayer(Layer):
    """A layer whose tops are the batches of a source."""

    exact_bottoms = 0
    min_tops = 1
    source: Source

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Open the source."""
        if self.setting.open_source is None:
            self.fail(
                "reads data, and no reader was given",
                hint="put an Input layer in its place, or give the net a reader",
            )
        try:
            self.source = self.setting.open_source(self.param, self.setting)
        except SsdhError as error:
            error.location = error.location or self.location
            raise

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Take the shapes of the source's batches."""
        shapes = [tuple(shape) for shape in self.source.shapes]
        self.check(
            len(shapes) >= self.num_tops,
            f"{self.num_tops} tops, but the data have {len(shapes)} blobs",
        )
        self.top_shapes = shapes[: self.num_tops]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The next batch."""
        batch = self.source.next()
        return [torch.from_numpy(array).to(self.setting.device) for array in batch][: self.num_tops]


class Data(SourceLayer):
    """Records of an LMDB."""

    max_tops = 2


class ImageData(SourceLayer):
    """Images of a list file."""

    exact_tops = 2


class HDF5Data(SourceLayer):
    """Arrays of HDF5 files."""


class MemoryData(Layer):
    """Arrays that are given to the layer, taken batch by batch and from the start again."""

    exact_bottoms = 0
    exact_tops = 2

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Take the sizes; there are no arrays yet."""
        self.shape = self.top_shapes[0]
        self.arrays: tuple[Tensor, Tensor] | None = None
        self.position = 0

    def reset(self, data: NDArray[np.float32], labels: NDArray[np.float32]) -> None:
        """Take arrays for the passes to come: data [n, c, h, w] and n labels.

        Raises:
            EngineError: shapes that the layer does not take.
        """
        self.check(
            data.ndim == 4 and data.shape[1:] == self.shape[1:],
            f"the data's shape is {shape_string(data.shape)}, it takes {shape_string(self.shape)}",
        )
        self.check(len(data) == labels.size, "data and labels must have the same first dimension")
        self.check(
            len(data) > 0 and len(data) % self.shape[0] == 0,
            "first dimensions of input arrays must be a multiple of batch size",
        )
        images, targets = torch.from_numpy(data), torch.from_numpy(labels.reshape(-1))
        self.arrays = images.float(), targets.float()
        self.position = 0

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The next batch."""
        if self.arrays is None:
            self.fail(
                "MemoryDataLayer needs to be initialized by calling Reset",
                hint="call net.set_input_arrays(data, labels)",
            )
        start, size = self.position, self.shape[0]
        self.position = (start + size) % len(self.arrays[0])
        return [array[start : start + size].to(self.setting.device) for array in self.arrays]
