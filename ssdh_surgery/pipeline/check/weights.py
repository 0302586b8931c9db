"""SSDH4xx: weights that do not exist, cannot be read, or do not fit the net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import NetShapes, Shape
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.findings import (
    FROM_FILLERS,
    NO_WEIGHTS,
    NOTHING_COPIED,
    SHAPE_CLASH,
    UNREADABLE_WEIGHTS,
    Finding,
)
from ssdh_surgery.location import Location
from ssdh_surgery.names import shape_text
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.nets.snapshots import other_weights

if TYPE_CHECKING:
    from ssdh_surgery.caffe.weights.copy_table import CopyRow

_HDF5 = b"\x89HDF"


@dataclass(frozen=True)
class WeightsCopy:
    """What a net takes from one weights file, layer by layer."""

    file: str
    rows: tuple[CopyRow, ...]

    def names(self, status: str) -> list[str]:
        """The layers with a status."""
        return [row.layer for row in self.rows if row.status == status]


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the weights that each net would copy by layer name."""
    yield from _from_fillers(subject)
    for name in subject.weights:
        if not Path(name).is_file():
            yield NO_WEIGHTS.at(Location(name), "no such weights file")
            continue
        try:
            copies = [_copy(net_shapes, name) for net_shapes in subject.shapes]
        except SsdhError as error:
            yield UNREADABLE_WEIGHTS.at(error.location or Location(name), error.message, error.hint)
            continue
        for (net, _), copy in zip(subject.nets, copies, strict=True):
            if copy is not None:
                yield from _mismatches(net, copy)


def _from_fillers(subject: Subject) -> Iterator[Finding]:
    """A hash layer that is trained together with a net that knows nothing yet."""
    if subject.weights or subject.is_resumed or subject.solver.string("weights"):
        return
    hash_layer = subject.hash_layer
    if hash_layer is None:
        return
    net = subject.nets[0][0]
    learned = [name for name, shapes in subject.shapes[0].layer_params if shapes is None or shapes]
    yield FROM_FILLERS.at(
        Location(net.file),
        "there are no weights to start from: everything starts from its fillers, the whole net "
        f"({len(learned)} layers) and not only the hash layer '{hash_layer.latent.name}'",
        "start from the trained classifier: --weights FILE" + _weights_near(subject),
    )


def _weights_near(subject: Subject) -> str:
    """The weights that are in the current directory, if there are any."""
    names = ", ".join(map(str, other_weights(Path(), subject.prefix)))
    return f" (here: {names})" if names else ""


def weights_copies(subject: Subject) -> list[WeightsCopy]:
    """What the train net takes from each weights file that can be read."""
    train = next((each for each in subject.shapes if each.phase == "TRAIN"), None)
    if train is None:
        return []
    copies = (_copy(train, name) for name in subject.weights)
    return [copy for copy in copies if copy is not None]


def _copy(net_shapes: NetShapes, name: str) -> WeightsCopy | None:
    """What a net takes from a file, None where that is not looked into: HDF5."""
    from ssdh_surgery.caffe.weights.binary_weights import read_weights
    from ssdh_surgery.caffe.weights.copy_table import copy_table

    with open(name, "rb") as file:
        if file.read(4) == _HDF5:
            return None
    weights = read_weights(name)
    in_file = {layer.name: layer.shapes for layer in weights.layers}
    # Where the shapes are unknown (the data is not at hand) only the names are compared.
    params: list[tuple[str, Sequence[Shape]]] = [
        (layer, in_file.get(layer, ()) if shape is None else shape)
        for layer, shape in net_shapes.layer_params
    ]
    return WeightsCopy(name, tuple(copy_table(params, weights)))


def _mismatches(net: Net, copy: WeightsCopy) -> Iterator[Finding]:
    for row in copy.rows:
        if row.status == "shape-clash":
            layers = net.named(row.layer)
            yield SHAPE_CLASH.at(
                layers[0].location if layers else None,
                f"layer '{row.layer}' has blobs {_shapes_text(row.shapes)}, but {copy.file} holds "
                f"{_shapes_text(row.file_shapes)} for it, and Caffe stops at that",
                "rename the layer, so that it starts from its filler",
            )
    if copy.rows and not copy.names("copied") and not copy.names("shape-clash"):
        yield NOTHING_COPIED.at(
            Location(copy.file),
            f"no layer of {copy.file} has the name of a layer of {net.file}: nothing would be "
            "copied",
            "these may be the weights of another net",
        )


def _shapes_text(blobs: Sequence[Shape]) -> str:
    return ", ".join(map(shape_text, blobs)) or "none"
