"""A sample of a test: the values of some blobs on its first records, kept while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.net.graph_net import GraphNet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Enough for a mAP within a few hundredths, and soon measured.
_RECORDS = 1000


class RecordSample:
    """Collects the rows of blobs from the passes of a test.

    Args:
        net: the test net.
        blobs: the names of the blobs; a net that lacks one of them has no sample.
    """

    def __init__(self, net: GraphNet, blobs: Sequence[str]) -> None:
        has_all = all(name in net.plan.names for name in blobs)
        self._names = tuple(blobs) if has_all else ()
        self._outputs = frozenset(net.plan.blobs[number].name for number in net.plan.outputs)
        self._rows: dict[str, list[Tensor]] = {name: [] for name in self._names}
        self._count = 0

    @property
    def blobs(self) -> tuple[str, ...]:
        """The blobs to keep in the next pass; none once there are enough records."""
        return self._names if self._count < _RECORDS else ()

    def take(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Keep the blobs of a pass, and return what else it has: the outputs of the net."""
        names = self.blobs
        for name in names:
            rows = values[name]
            self._rows[name].append(rows.reshape(len(rows), -1).to("cpu", torch.float32, copy=True))
        if names:
            self._count += min(len(self._rows[name][-1]) for name in names)
        return {name: value for name, value in values.items() if name in self._outputs}

    def values(self) -> dict[str, NDArray[np.float32]]:
        """The values [n, K] of each blob, one row per record; none without a pass."""
        if not self._count:
            return {}
        joined = {name: torch.cat(rows).numpy() for name, rows in self._rows.items()}
        return {name: rows[:_RECORDS] for name, rows in joined.items()}
