"""What a net copies from a weights file, layer by layer: a table that Caffe never prints.

The rules are those of Caffe's `Net::CopyTrainedLayersFrom` and `Blob::ShapeEquals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ssdh_surgery.caffe.weights.layer_weights import Shape

CopyStatus = Literal["copied", "new", "unused", "shape-clash"]


@dataclass(frozen=True)
class CopyRow:
    """The outcome for one layer when a net loads weights.

    - `copied`: the layer is copied from the file
    - `new`: the file has no such layer, and the net's fillers apply
    - `unused`: the net has no such layer
    - `shape-clash`: the name matches and the blobs do not; Caffe stops here
    """

    layer: str
    status: CopyStatus
    shapes: tuple[Shape, ...]
    file_shapes: tuple[Shape, ...]


class FileLayer(Protocol):
    """A layer of a weights file, see `LayerWeights`."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of each blob."""

    @property
    def legacy(self) -> frozenset[int]:
        """The indices of the blobs with a legacy shape."""


class FileLayers(Protocol):
    """The content of a weights file, see `Weights`."""

    @property
    def layers(self) -> Sequence[FileLayer]:
        """All layers in order."""


def shape_equals(shape: Shape, file_shape: Shape, *, legacy: bool) -> bool:
    """Whether a blob of a net can load a blob of a file, as in Caffe's `Blob::ShapeEquals`.

    A legacy shape of four sizes is compared from the end, padded with ones in front: (4, 12)
    matches the legacy shape (1, 1, 4, 12).
    """
    if legacy:
        return (1,) * (4 - len(shape)) + shape == file_shape
    return shape == file_shape


def copy_table(
    net_params: Sequence[tuple[str, Sequence[Shape]]], weights: FileLayers
) -> list[CopyRow]:
    """What a net copies from a weights file, as in Caffe's `Net::CopyTrainedLayersFrom`.

    `net_params` has every layer of the net in one phase with the shapes of its blobs, including
    layers without blobs: these clash if the file has blobs for them. Rows are in the order of
    the net, followed by unused layers in the order of the file; a layer without blobs on either
    side has no row. If layers of the net share a name, only the first is loaded.
    """
    in_file: dict[str, list[FileLayer]] = {}
    for layer in weights.layers:
        in_file.setdefault(layer.name, []).append(layer)
    rows = []
    for name, shapes in net_params:
        row = _row(name, tuple(map(tuple, shapes)), in_file.pop(name, []))
        if row.shapes or row.file_shapes:
            rows.append(row)
    names = {name for name, _ in net_params}
    rows += [
        CopyRow(layer.name, "unused", (), layer.shapes)
        for layer in weights.layers
        if layer.shapes and layer.name not in names
    ]
    return rows


def _row(name: str, shapes: tuple[Shape, ...], sources: Sequence[FileLayer]) -> CopyRow:
    """The row of a net's layer; if the file has it several times, the last one counts."""
    if not sources:
        return CopyRow(name, "new", shapes, ())
    for source in sources:
        if not _fits(shapes, source):
            return CopyRow(name, "shape-clash", shapes, source.shapes)
    return CopyRow(name, "copied", shapes, sources[-1].shapes)


def _fits(shapes: tuple[Shape, ...], source: FileLayer) -> bool:
    return len(shapes) == len(source.shapes) and all(
        shape_equals(shape, file_shape, legacy=index in source.legacy)
        for index, (shape, file_shape) in enumerate(zip(shapes, source.shapes, strict=True))
    )
