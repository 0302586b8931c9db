"""Weights as numpy arrays: the layers of a file, each with its blobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LayerWeights:
    """A layer of a weights file; its blobs are float32 arrays owned by the caller.

    `type` is the name in the current dialect (`InnerProduct`), even for an older file. `legacy`
    are the indices of blobs whose shape the file gives as num, channels, height and width; these
    match more nets (see `copy_table.shape_equals`). `indices` are those of the blobs in their layer
    where an HDF5 file leaves out the ones that another layer owns.
    """

    name: str
    type: str
    blobs: tuple[NDArray[np.float32], ...]
    legacy: frozenset[int] = frozenset()
    indices: tuple[int, ...] | None = None

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of each blob, as in the file."""
        return tuple(blob.shape for blob in self.blobs)


@dataclass(frozen=True, eq=False)
class Weights:
    """The content of a weights file: the name of the net, and all layers in order."""

    name: str
    layers: tuple[LayerWeights, ...]
