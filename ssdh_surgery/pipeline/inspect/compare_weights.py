"""The differences between two weights files: layers, shapes and values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ssdh_surgery.caffe.weights.blob_statistics import parts, sum_of_squares
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Shape
from ssdh_surgery.caffe.weights.weights import stored_layers
from ssdh_surgery.pipeline.check.weights.renamed_layers import same_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BlobStatus = Literal["same", "different", "other-shape", "only-here", "only-there"]


@dataclass(frozen=True)
class BlobDifference:
    """A blob of two files.

    Attributes:
        layer: its layer in the first file, None where it has none.
        other_layer: its layer in the other one: the same name, or one that differs in case, in
            separators, or by a prefix or suffix.
        index: its index in the layer.
        status: how they compare.
        shape: its shape in the first file.
        other_shape: that in the other one.
        distance: the length of the difference as a share of that of the first; None where it is
            unknown, such as with nan.
        largest: the largest difference of two values.
    """

    layer: str | None
    other_layer: str | None
    index: int
    status: BlobStatus
    shape: Shape | None
    other_shape: Shape | None
    distance: float | None = None
    largest: float | None = None

    @property
    def is_renamed(self) -> bool:
        """Whether both files have the layer, under two names."""
        return None not in (self.layer, self.other_layer) and self.layer != self.other_layer

    def as_json(self) -> dict[str, Any]:
        """One of the blobs in the answer of `weights --compare --json`."""
        return {
            "layer": self.layer,
            "other_layer": self.other_layer,
            "index": self.index,
            "status": self.status,
            "shape": None if self.shape is None else list(self.shape),
            "other_shape": None if self.other_shape is None else list(self.other_shape),
            "distance": self.distance,
            "max_difference": self.largest,
        }


@dataclass(frozen=True)
class WeightsComparison:
    """Two files, and all their blobs in the order of the first."""

    file: str
    other: str
    blobs: tuple[BlobDifference, ...]

    @property
    def is_same(self) -> bool:
        """Whether both hold the same values under the same names."""
        return all(each.status == "same" and not each.is_renamed for each in self.blobs)

    def as_json(self) -> dict[str, Any]:
        """The answer of `weights --compare --json`."""
        return {
            "file": self.file,
            "other": self.other,
            "is_same": self.is_same,
            "blobs": [each.as_json() for each in self.blobs],
        }


def compare_weights(path: Path | str, other: Path | str) -> WeightsComparison:
    """The differences between two weights files of any form.

    Raises:
        FileError: one cannot be read.
        DataError: one holds no weights, or is truncated.
        MissingExtra: one is HDF5 and h5py is not installed.
    """
    # Those of binary files are views: only one blob at a time is in memory.
    layers = [layer for layer in stored_layers(path) if layer.blobs]
    others = {layer.name: layer for layer in stored_layers(other) if layer.blobs}
    pairs = _pairs(layers, others)
    matched = set(pairs.values())
    blobs = [blob for layer in layers for blob in _compared(layer, others.get(pairs[layer.name]))]
    for layer in others.values():
        if layer.name not in matched:
            blobs += [
                BlobDifference(None, layer.name, index, "only-there", None, blob.shape)
                for index, blob in _by_index(layer).items()
            ]
    return WeightsComparison(str(path), str(other), tuple(blobs))


def _pairs(layers: list[LayerWeights], others: Mapping[str, LayerWeights]) -> dict[str, str]:
    """For each layer of the first file the name in the other one; empty where it has none."""
    names = {layer.name for layer in layers}
    free = [layer for layer in others.values() if layer.name not in names]
    pairs = {}
    for layer in layers:
        if layer.name in others:
            pairs[layer.name] = layer.name
            continue
        match = next((each for each in free if _is_like(layer, each)), None)
        pairs[layer.name] = match.name if match is not None else ""
        if match is not None:
            free.remove(match)
    return pairs


def _is_like(layer: LayerWeights, other: LayerWeights) -> bool:
    return same_name(layer.name, other.name) and [*map(_bare, layer.shapes)] == [
        *map(_bare, other.shapes)
    ]


def _bare(shape: Shape) -> Shape:
    """A shape without the ones in front, which a legacy shape is padded with."""
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape


def _by_index(layer: LayerWeights) -> dict[int, NDArray[np.float32]]:
    return dict(zip(layer.indices or range(len(layer.blobs)), layer.blobs, strict=True))


def _compared(layer: LayerWeights, other: LayerWeights | None) -> Iterator[BlobDifference]:
    ours, theirs = _by_index(layer), _by_index(other) if other is not None else {}
    other_name = other.name if other is not None else None
    for index in sorted({*ours, *theirs}):
        blob, other_blob = ours.get(index), theirs.get(index)
        shape = None if blob is None else blob.shape
        other_shape = None if other_blob is None else other_blob.shape
        status: BlobStatus = "only-here" if other_blob is None else "only-there"
        distance = largest = None
        if blob is not None and other_blob is not None:
            status = "other-shape"
            if _bare(blob.shape) == _bare(other_blob.shape):
                status, distance, largest = _distance(blob, other_blob)
        yield BlobDifference(
            layer.name, other_name, index, status, shape, other_shape, distance, largest
        )


def _distance(
    blob: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[BlobStatus, float | None, float | None]:
    """The status of two blobs of the same shape, their distance and their largest difference."""
    import numpy as np

    is_same, squares, own_squares, largest = True, 0.0, 0.0, 0.0
    for ours, theirs in zip(parts(blob), parts(other), strict=True):
        first = ours.astype(np.float64)
        own_squares += sum_of_squares(first)
        if np.array_equal(ours, theirs, equal_nan=True):
            continue
        is_same = False
        with np.errstate(invalid="ignore"):  # inf - inf
            first -= theirs
        squares += sum_of_squares(first)
        largest = max(largest, float(np.abs(first).max()))
    if is_same:
        return "same", 0.0, 0.0
    if not math.isfinite(squares):
        return "different", None, None
    has_length = math.isfinite(own_squares) and own_squares > 0
    return "different", math.sqrt(squares / own_squares) if has_length else None, largest
