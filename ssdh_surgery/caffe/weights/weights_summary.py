"""The layers of a weights file without their values: names, shapes, and what is odd about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from ssdh_surgery import files
from ssdh_surgery.caffe.weights.blob_statistics import bad_values, parts
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Shape
from ssdh_surgery.caffe.weights.weights import stored_layers
from ssdh_surgery.files import Stamp


@dataclass(frozen=True)
class LayerSummary:
    """A layer of a weights file.

    `name`, `type`, `shapes`, `legacy` and `indices` are as in `LayerWeights`.

    Attributes:
        nans: how many of its values are nan.
        infs: how many are infinite.
        is_zero: whether its first blob holds nothing but zeros.
    """

    name: str
    type: str
    shapes: tuple[Shape, ...]
    legacy: frozenset[int]
    indices: tuple[int, ...] | None = None
    nans: int = 0
    infs: int = 0
    is_zero: bool = False

    @property
    def is_finite(self) -> bool:
        """Whether no value is nan or infinite."""
        return not self.nans and not self.infs

    def with_shared(self, shapes: Mapping[int, Shape]) -> LayerSummary:
        """The layer with the blobs that an HDF5 file leaves out since another layer owns them.

        `shapes` has these blobs in the net, by index.
        """
        if self.indices is None:
            return self
        stored = dict(zip(self.indices, self.shapes, strict=True))
        every = dict(sorted(({**shapes, **stored}).items()))
        return replace(self, shapes=tuple(every.values()), indices=tuple(every))


@dataclass(frozen=True)
class WeightsSummary:
    """A weights file: its path and its layers in order."""

    file: str
    layers: tuple[LayerSummary, ...]

    @property
    def is_hdf5(self) -> bool:
        """Whether the file is HDF5, which leaves out what another layer owns."""
        return any(layer.indices is not None for layer in self.layers)


def weights_summary(path: Path | str) -> WeightsSummary:
    """The summary of a weights file of either form; its values are looked at, but not kept.

    Raises:
        FileError: the file cannot be read.
        DataError: it holds no weights or is truncated.
        MissingExtra: it is HDF5 and h5py is not installed.
    """
    return _summary(str(path), files.stamp_of(path))


# Each net of a solver asks for the same files.
@lru_cache(maxsize=8)
def _summary(path: str, _stamp: Stamp | None) -> WeightsSummary:
    return WeightsSummary(path, tuple(map(_layer_summary, stored_layers(path))))


def _layer_summary(layer: LayerWeights) -> LayerSummary:
    bad = [bad_values(part) for blob in layer.blobs for part in parts(blob)]
    first = layer.blobs[0] if layer.blobs else None
    return LayerSummary(
        layer.name,
        layer.type,
        layer.shapes,
        layer.legacy,
        layer.indices,
        sum(nans for nans, _ in bad),
        sum(infs for _, infs in bad),
        first is not None and first.size > 0 and not first.any(),
    )
