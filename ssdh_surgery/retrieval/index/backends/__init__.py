"""Ways to find the nearest codes in memory, behind one small protocol; one module each."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.retrieval.index.kinds import IndexKind

Packed = NDArray[np.uint8]
# Distances and rows of the nearest codes, [Q, k] each.
Neighbours = tuple[NDArray[np.int32], NDArray[np.int64]]


class Backend(Protocol):
    """Codes of one width, numbered from 0 in the order in which they were added.

    Codes are packed, uint8 [N, B]: a width that is not a multiple of 8 is padded with zeros,
    which changes no distance.
    """

    def add(self, packed: Packed) -> None:
        """Append codes."""
        ...

    def search(self, queries: Packed, k: int) -> Neighbours:
        """The k nearest codes of each query: distances and rows, [Q, k] each.

        Distances ascend; rows at one distance ascend. Where fewer than k are found, the
        rest are -1.
        """
        ...

    def saved(self) -> Packed | None:
        """The bytes to keep next to the codes for opening it again; None if the codes suffice."""
        ...


class _Opener(Protocol):
    def __call__(
        self, bytes_per_code: int, options: Mapping[str, float], saved: Packed | None
    ) -> Backend: ...


def open_backend(kind: IndexKind, bytes_per_code: int, saved: Packed | None = None) -> Backend:
    """The backend of a kind: empty, or as it was when it gave `saved`.

    Raises:
        MissingExtra: the library that searches is not installed.
        DataError: `saved` is damaged.
    """
    module, name = kind.backend.split(":")
    opener = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return cast(_Opener, opener)(bytes_per_code, kind.options, saved)
