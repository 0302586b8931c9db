"""The weights files that a run starts from, and what each of its nets copies of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ssdh_surgery.caffe.shapes import LayerShapes, NetShapes, Shape
from ssdh_surgery.caffe.weights.copy_table import CopyRow, copy_table
from ssdh_surgery.caffe.weights.weights_summary import LayerSummary, WeightsSummary, weights_summary
from ssdh_surgery.errors import MissingExtra, SsdhError
from ssdh_surgery.location import Location
from ssdh_surgery.names import count_text, printable
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.prototxt.cst import Scalar

_UNCOPIED = {
    "shape-clash": "of other shapes",
    "new": "start from their fillers",
    "unused": "not in the net",
}


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights: its path as seen from the current directory, and where it is named."""

    path: str
    place: Location


@dataclass(frozen=True)
class WeightsCopy:
    """What a net takes from one weights file, layer by layer, and whether that is HDF5."""

    file: str
    rows: tuple[CopyRow, ...]
    is_hdf5: bool = False

    def names(self, status: str) -> list[str]:
        """The layers with a status."""
        return [row.layer for row in self.rows if row.status == status]

    @property
    def lines(self) -> list[str]:
        """The table in a few lines: how many layers are copied, and which are not."""
        copied = count_text(len(self.names("copied")), "layer")
        lines = [f"{self.file}: {copied} {'is' if copied == '1 layer' else 'are'} copied"]
        for status, words in _UNCOPIED.items():
            if names := self.names(status):
                lines.append(f"  {words}: {', '.join(map(printable, names))}")
        return lines

    def as_json(self) -> list[dict[str, Any]]:
        """The layers as `check --json` and `weights --net --json` list them."""
        return [
            {
                "layer": row.layer,
                "status": row.status,
                "shapes": [list(shape) for shape in row.shapes],
                "file_shapes": [list(shape) for shape in row.file_shapes],
            }
            for row in self.rows
        ]


def weights_files(subject: Subject) -> list[WeightsFile]:
    """The files that a run starts from: those of the command line, else those of the solver.

    A snapshot replaces both.
    """
    if subject.weights or subject.is_resumed:
        return [WeightsFile(name, Location(name)) for name in subject.weights]
    return [
        WeightsFile(str(relative_to_cwd(subject.folder / name.strip())), entry.location)
        for entry in subject.solver.root.entries("weights")
        if isinstance(entry.value, Scalar)
        for name in entry.value.string.split(",")
    ]


def weights_copies(subject: Subject) -> list[WeightsCopy]:
    """What the train net, or a net alone, takes from each weights file that can be read."""
    if not subject.shapes:
        return []
    copies = []
    for file in weights_files(subject):
        try:
            copies.append(weights_copy(subject.shapes[0], weights_summary(file.path)))
        except (SsdhError, MissingExtra):
            continue  # the findings say so
    return copies


def weights_copy(net_shapes: NetShapes, weights: WeightsSummary) -> WeightsCopy:
    """What a net takes from a file."""
    shared = {each.layer.name: each for each in net_shapes.layers if each.shared}
    layers = [_with_shared(layer, shared.get(layer.name)) for layer in weights.layers]
    in_file = {layer.name: layer.shapes for layer in layers}
    # Where the shapes are unknown (the data is not at hand) only the names are compared.
    params: list[tuple[str, Sequence[Shape]]] = [
        (layer, in_file.get(layer, ()) if shape is None else shape)
        for layer, shape in net_shapes.layer_params
    ]
    rows = copy_table(params, replace(weights, layers=tuple(layers)))
    by_name = {row.layer: row for row in rows} | {
        layer: CopyRow(layer, "new", (), ())
        for layer, shape in net_shapes.layer_params
        if shape is None and layer not in in_file
    }
    order = dict.fromkeys([*(layer for layer, _ in params), *by_name])
    rows = [by_name[name] for name in order if name in by_name]
    return WeightsCopy(weights.file, tuple(rows), weights.is_hdf5)


def _with_shared(layer: LayerSummary, in_net: LayerShapes | None) -> LayerSummary:
    """The layer with the blobs that HDF5 leaves out, as they are in the net."""
    if in_net is None or in_net.params is None:
        return layer
    return layer.with_shared({index: in_net.params[index] for index in in_net.shared})
