"""SSDH4xx: weights that are not there, cannot be read, or do not fit the net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import NetShapes, Shape
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import shape_text
from ssdh_surgery.pipeline.check.subject import Subject

if TYPE_CHECKING:
    from ssdh_surgery.caffe.weights.copy_table import CopyRow

_HDF5 = b"\x89HDF"


@dataclass(frozen=True)
class Copied:
    """What a net takes from one weights file, layer by layer."""

    file: str
    rows: tuple[CopyRow, ...]

    def names(self, status: str) -> list[str]:
        """The layers of one status."""
        return [row.layer for row in self.rows if row.status == status]


def findings(subject: Subject) -> Iterator[Finding]:
    """What is wrong with the weights that are to be copied by layer name."""
    nets = [(net, known) for (net, _), known in zip(subject.nets, subject.shapes, strict=True)]
    for name in subject.weights:
        if not Path(name).is_file():
            yield Finding(
                "SSDH401", "no-weights", "error", "no such weights file", None, Location(name)
            )
            continue
        try:
            tables = [(net, _table(known, name)) for net, known in nets]
        except SsdhError as error:
            yield Finding(
                "SSDH402",
                "unreadable-weights",
                "error",
                error.message,
                error.hint,
                error.location or Location(name),
            )
            continue
        for net, table in tables:
            if table is not None:
                yield from _of_table(net, table)


def copied(subject: Subject) -> list[Copied]:
    """What the train net takes from each weights file that can be read."""
    train = next((known for known in subject.shapes if known.phase == "TRAIN"), None)
    if train is None:
        return []
    tables = (_table(train, name) for name in subject.weights)
    return [table for table in tables if table is not None]


def _table(known: NetShapes, name: str) -> Copied | None:
    """The table of one file; None for HDF5, and where no shape of the net is known."""
    from ssdh_surgery.caffe.weights.binary_weights import read_weights
    from ssdh_surgery.caffe.weights.copy_table import copy_table

    with open(name, "rb") as file:
        if file.read(4) == _HDF5:
            return None
    weights = read_weights(name)
    in_file = {layer.name: layer.shapes for layer in weights.layers}
    # Where the shapes are not known (the data is not at hand) the name alone is judged.
    params: list[tuple[str, Sequence[Shape]]] = [
        (layer, in_file.get(layer, ()) if shape is None else shape)
        for layer, shape in known.layer_params
    ]
    return Copied(name, tuple(copy_table(params, weights)))


def _of_table(net: Net, table: Copied) -> Iterator[Finding]:
    for row in table.rows:
        if row.status == "shape-clash":
            layers = net.named(row.layer)
            yield Finding(
                "SSDH404",
                "shape-clash",
                "error",
                f"layer '{row.layer}' has blobs {_shown(row.shapes)}, and {table.file} holds "
                f"{_shown(row.file_shapes)} for it; Caffe stops at that",
                "give the layer another name, so that it starts from its filler",
                layers[0].location if layers else None,
            )
    if table.rows and not table.names("copied") and not table.names("shape-clash"):
        yield Finding(
            "SSDH403",
            "nothing-copied",
            "error",
            f"no layer of {table.file} has the name of a layer of {net.file}: nothing would be "
            "copied",
            "are these the weights of another net?",
            Location(table.file),
        )


def _shown(blobs: Sequence[Shape]) -> str:
    return ", ".join(map(shape_text, blobs)) or "none"
