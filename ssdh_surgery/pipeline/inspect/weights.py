"""The blobs of a weights file, or of a solver's state, with their statistics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.weights.blob_statistics import BlobStatistics, blob_statistics
from ssdh_surgery.caffe.weights.content import Content
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Shape
from ssdh_surgery.caffe.weights.solverstate import read_solver_state
from ssdh_surgery.caffe.weights.weights import stored_layers
from ssdh_surgery.errors import DataError


@dataclass(frozen=True)
class BlobRow:
    """A blob: its layer with its type, its index there, its shape and its statistics."""

    layer: str
    type: str
    index: int
    shape: Shape
    statistics: BlobStatistics


@dataclass(frozen=True)
class WeightsTable:
    """A file with its blobs.

    Attributes:
        file: its path.
        rows: the blobs in the order of the file.
        state: the iteration of a solver's state and the weights that it names; None for weights.
    """

    file: str
    rows: tuple[BlobRow, ...]
    state: tuple[int, str] | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that have blobs."""
        return tuple(dict.fromkeys(row.layer for row in self.rows))

    def total(self, name: str) -> int:
        """The sum of a count over all blobs: `count`, `zeros`, `nans` or `infs`."""
        return sum(getattr(row.statistics, name) for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """The answer of `weights --json`."""
        iteration, learned_net = self.state or (None, None)
        return {
            "file": self.file,
            "kind": "weights" if self.state is None else "solverstate",
            "iteration": iteration,
            "learned_net": learned_net,
            "blobs": [_blob_json(row) for row in self.rows],
            "totals": {
                "layers": len(self.layers),
                "blobs": len(self.rows),
                "count": self.total("count"),
                "zeros": self.total("zeros"),
                "nan": self.total("nans"),
                "inf": self.total("infs"),
            },
        }


def _blob_json(row: BlobRow) -> dict[str, Any]:
    each = row.statistics
    return {
        "layer": row.layer,
        "type": row.type or None,
        "index": row.index,
        "shape": list(row.shape),
        "count": each.count,
        "mean": each.mean,
        "std": each.std,
        "min": each.least,
        "max": each.most,
        "zeros": each.zeros,
        "nan": each.nans,
        "inf": each.infs,
    }


def weights_table(path: Path | str) -> WeightsTable:
    """The blobs of a file of weights, or of a solver's state, one at a time in memory.

    Raises:
        FileError: it cannot be read.
        DataError: it holds neither, or it is truncated.
        MissingExtra: it is HDF5 and h5py is not installed.
    """
    try:
        rows = tuple(row for layer in stored_layers(path) for row in _rows(layer))
    except DataError as error:
        if error.data.get("content") is not Content.STATE:
            raise
        return _state_table(path)
    return WeightsTable(str(path), rows)


def _rows(layer: LayerWeights) -> Iterator[BlobRow]:
    indices = layer.indices or range(len(layer.blobs))
    for index, blob in zip(indices, layer.blobs, strict=True):
        yield BlobRow(layer.name, layer.type, index, blob.shape, blob_statistics(blob))


def _state_table(path: Path | str) -> WeightsTable:
    state = read_solver_state(path)
    rows = (
        BlobRow("history", "", index, blob.shape, blob_statistics(blob))
        for index, blob in enumerate(state.history)
    )
    return WeightsTable(str(path), tuple(rows), (state.iteration, state.learned_net))
