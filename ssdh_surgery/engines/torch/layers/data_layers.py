"""Layers that read data: from a batch source that the net opens, or from arrays in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape, shape_string
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.layers.layer_context import BatchSource
from ssdh_surgery.errors import SsdhError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SourceLayer(TorchLayer):
    """A layer whose tops are the batches of a source."""

    source: BatchSource

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Open the source."""
        if self.context.open_source is None:
            self.fail(
                "reads data, but the net was opened without a data source",
                hint="replace it by an Input layer, or pass open_source to the net",
            )
        try:
            self.source = self.context.open_source(self.param, self.context)
        except SsdhError as error:
            error.location = error.location or self.location
            raise

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the shapes of the source's batches."""
        shapes = [tuple(shape) for shape in self.source.shapes]
        self.check(
            len(shapes) >= self.num_tops,
            f"has {self.num_tops} tops, but the data has {len(shapes)} blobs",
        )
        self.top_shapes = shapes[: self.num_tops]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The next batch."""
        batch = self.source.next()
        return [torch.from_numpy(array).to(self.context.device) for array in batch][: self.num_tops]


class Data(SourceLayer):
    """Records of an LMDB."""


class ImageData(SourceLayer):
    """Images of a list file."""


class HDF5Data(SourceLayer):
    """Arrays of HDF5 files."""


class MemoryData(TorchLayer):
    """Arrays passed to the layer, read batch by batch, over and over."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Read the sizes; there are no arrays yet."""
        self.shape = self.top_shapes[0]
        self.arrays: tuple[Tensor, Tensor] | None = None
        self.position = 0

    def reset(self, data: NDArray[np.float32], labels: NDArray[np.float32]) -> None:
        """Set the arrays for the next passes: data [n, c, h, w] and n labels.

        Raises:
            EngineError: shapes that the layer does not accept.
        """
        self.check(
            data.ndim == 4 and data.shape[1:] == self.shape[1:],
            f"the data is {shape_string(data.shape)}, but the layer takes "
            f"{shape_string(self.shape)}",
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
        return [array[start : start + size].to(self.context.device) for array in self.arrays]
