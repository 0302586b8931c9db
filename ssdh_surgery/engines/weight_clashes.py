"""Weights that cannot be copied into a net: the error, in Caffe's words."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ssdh_surgery.caffe.shapes.layer_setup import shape_string
from ssdh_surgery.caffe.weights.copy_table import CopyRow
from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location


def refuse_clashes(rows: Iterable[CopyRow], path: str | Path) -> None:
    """Stop where Caffe stops: at the first layer whose params do not match those in the file.

    Raises:
        DataError: with both shapes, or both numbers of blobs.
    """
    for row in rows:
        if row.status == "shape-clash":
            raise _clash(row, Location(str(path)))


def _clash(row: CopyRow, location: Location) -> DataError:
    if len(row.shapes) != len(row.file_shapes):
        return DataError(
            f"Incompatible number of blobs for layer {row.layer}: the file has "
            f"{len(row.file_shapes)}, the net {len(row.shapes)}",
            location=location,
            layer=row.layer,
        )
    pairs = enumerate(zip(row.shapes, row.file_shapes, strict=True))
    index, (net_shape, file_shape) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
    return DataError(
        f"Cannot copy param {index} weights from layer '{row.layer}'; shape mismatch.  Source "
        f"param shape is {shape_string(file_shape)}; target param shape is "
        f"{shape_string(net_shape)}.",
        location=location,
        hint="To learn this layer's parameters from scratch rather than copying from a saved "
        "net, rename the layer.",
        layer=row.layer,
    )
