"""What every backend offers: codes go in, the rows of the nearest come out."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Packed = NDArray[np.uint8]
Found = tuple[NDArray[np.int32], NDArray[np.int64]]


class Backend(Protocol):
    """Codes of one width, numbered from 0 in the order in which they were added.

    Codes are packed, uint8 [N, B]: a width that is no multiple of 8 is padded with zeros,
    which changes no distance.
    """

    def add(self, packed: Packed) -> None:
        """Add codes behind those that are there."""
        ...

    def search(self, queries: Packed, k: int) -> Found:
        """The k nearest codes of each query: distances and rows, [Q, k] each.

        Distances ascend; rows at one distance ascend. Where fewer than k are found, the
        rest are -1.
        """
        ...

    def saved(self) -> Packed | None:
        """What is to be kept beside the codes to open it again, None for nothing."""
        ...
