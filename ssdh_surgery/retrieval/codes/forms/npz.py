"""Codes in numpy's own `.npz`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.retrieval.codes.arrays import read_arrays

NEEDED = ("codes", "bits", "ids", "labels", "recipe")
OPTIONAL = ("activations", "content", "left_out")


def require() -> None:
    """NumPy is always there."""


def read(path: Path | str) -> dict[str, NDArray[Any]]:
    """See `Form`."""
    return read_arrays(path, NEEDED, OPTIONAL, "a file of codes", "'ssdh encode' writes such files")


def write(path: Path, parts: Mapping[str, NDArray[Any]]) -> None:
    """See `Form`."""
    with open(path, "wb") as file:
        np.savez(file, **cast(dict[str, Any], parts))
