"""What a net takes from a weights file: the table that Caffe never prints.

The rules are those of Caffe's `Net::CopyTrainedLayersFrom` and `Blob::ShapeEquals`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Shape, Weights

CopyStatus = Literal["copied", "new", "unused", "shape-clash"]


@dataclass(frozen=True)
class CopyRow:
    """What happens to one layer when a net takes weights from a file.

    - `copied`: the layer of the file is copied
    - `new`: the file has no such layer, the net's fillers stay
    - `unused`: the net has no such layer
    - `shape-clash`: the names are the same and the blobs do not fit, where Caffe stops
    """

    layer: str
    status: CopyStatus
    shapes: tuple[Shape, ...]
    file_shapes: tuple[Shape, ...]


def shape_equals(shape: Shape, file_shape: Shape, *, legacy: bool) -> bool:
    """Whether a blob of a net takes one of a file, as Caffe's `Blob::ShapeEquals` says.

    A legacy file shape of four is compared from the end, with ones in front: (4, 12) takes
    a legacy (1, 1, 4, 12).
    """
    if legacy:
        return (1,) * (4 - len(shape)) + shape == file_shape
    return shape == file_shape


def copy_table(
    net_params: Sequence[tuple[str, Sequence[Shape]]], weights: Weights
) -> list[CopyRow]:
    """What a net takes from a weights file, as Caffe's `Net::CopyTrainedLayersFrom` does.

    `net_params` has every layer of the net in one phase with the shapes of its blobs, those
    without blobs too: one of these is a clash when the file has blobs for it. Rows come in
    the net's order, then the unused ones in the file's; a layer with blobs on neither side
    has none. Of net layers that share a name only the first is copied to.
    """
    in_file: dict[str, list[LayerWeights]] = {}
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
        if layer.blobs and layer.name not in names
    ]
    return rows


def _row(name: str, shapes: tuple[Shape, ...], sources: Sequence[LayerWeights]) -> CopyRow:
    """The row of a net's layer; the file may name it more than once, and the last stays."""
    if not sources:
        return CopyRow(name, "new", shapes, ())
    for source in sources:
        if not _fits(shapes, source):
            return CopyRow(name, "shape-clash", shapes, source.shapes)
    return CopyRow(name, "copied", shapes, sources[-1].shapes)


def _fits(shapes: tuple[Shape, ...], source: LayerWeights) -> bool:
    return len(shapes) == len(source.blobs) and all(
        shape_equals(shape, file_shape, legacy=index in source.legacy)
        for index, (shape, file_shape) in enumerate(zip(shapes, source.shapes, strict=True))
    )
