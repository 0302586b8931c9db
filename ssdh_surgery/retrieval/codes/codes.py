"""Codes in memory: packed bits with ids, labels and the recipe that made them.

A bit is 1 where an activation is above a threshold, 0.5 for a Sigmoid. Bit 0 is the highest bit
of byte 0, and the tail of the last byte is padded with zeros, as `numpy.packbits` packs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

THRESHOLD = 0.5
UNKNOWN_LABEL = -1


@dataclass(frozen=True, eq=False, repr=False)
class Codes:
    """Codes of N items.

    Args:
        packed: uint8 [N, ceil(bits / 8)].
        bits: the width K of a code; 0 for features, which have activations alone.
        ids: [N] text.
        labels: int64 [N], or uint8 [N, C] for several labels each; -1 is unknown.
        recipe: how they were made; its `model` has the weights and the blob.
        activations: float32 [N, K], or None if they were not kept.
        content: uint64 [N], a hash of each item's pixels, or None if unknown.
        left_out: the ids of items that could not be read, or None if unknown.
        name: the file, for messages.
        class_names: the name of each label; empty if unknown.
    """

    packed: NDArray[np.uint8]
    bits: int
    ids: NDArray[np.str_]
    labels: NDArray[np.int64] | NDArray[np.uint8]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    activations: NDArray[np.float32] | None = None
    content: NDArray[np.uint64] | None = None
    left_out: NDArray[np.str_] | None = None
    name: str = "codes"
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.packed)

    def __repr__(self) -> str:
        width = 0 if self.activations is None else self.activations.shape[1]
        form = f"{self.bits} bits" if self.bits else f"{width} activations"
        return f"<Codes {self.name}: {len(self):,} x {form}>"

    @property
    def is_multi_label(self) -> bool:
        """Whether an item may have several labels."""
        return self.labels.ndim == 2

    @property
    def model(self) -> Mapping[str, Any] | None:
        """The weights and the blob that made them, or None if unknown."""
        model = self.recipe.get("model")
        return model if isinstance(model, Mapping) else None


def pack(activations: NDArray[np.floating[Any]], threshold: float = THRESHOLD) -> NDArray[np.uint8]:
    """Activations [N, K] as packed bits: 1 where the activation is above the threshold."""
    return np.packbits(activations > threshold, axis=1)


def refuse_empty(codes: Codes, role: str) -> None:
    """Refuse a set without codes.

    Raises:
        DataError: it is empty.
    """
    if not len(codes):
        raise DataError(f"the {role} set is empty: no codes", location=Location(codes.name))


def refuse_unlabelled(codes: Codes, role: str) -> None:
    """Refuse a set with unlabelled items.

    Raises:
        DataError: it names the first unlabelled item.
    """
    bad = (codes.labels == UNKNOWN_LABEL) if not codes.is_multi_label else codes.labels.sum(1) == 0
    count = int(np.count_nonzero(bad))
    if not count or (codes.is_multi_label and count < len(codes)):
        return
    raise DataError(
        f"{count:,} of {len(codes):,} items of the {role} set have no label, the first is "
        f"'{codes.ids[int(np.argmax(bad))]}'",
        location=Location(codes.name),
        hint="encode a list with labels, class folders or an LMDB",
    )
