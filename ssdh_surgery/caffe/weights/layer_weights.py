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
    """A layer of a weights file, its blobs float32 arrays that belong to the caller.

    `type` is the current form's (`InnerProduct`), whatever the file's. `legacy` holds the
    indices of blobs whose shape the file gives as num, channels, height and width: these
    fit more nets (see `copy_table.shape_equals`).
    """

    name: str
    type: str
    blobs: tuple[NDArray[np.float32], ...]
    legacy: frozenset[int] = frozenset()

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of each blob, as the file has it."""
        return tuple(blob.shape for blob in self.blobs)


@dataclass(frozen=True, eq=False)
class Weights:
    """A weights file: the net's name and its layers in the file's order, all of them."""

    name: str
    layers: tuple[LayerWeights, ...]
