"""The user's solver and nets: the places of the fields that a failure is about."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import Phase, State
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt.cst import Document, Entry, Scalar
from ssdh_surgery.prototxt.parser import parse

# The fields of a layer whose value is the blob that a failure names.
_BLOBS = ("bottom", "top")
_BATCHES = ("data_param", "image_data_param", "hdf5_data_param", "memory_data_param")


class UserFiles:
    """The files of a run, read where they stand; those that cannot be read have no places.

    Args:
        cwd: the folder that caffe ran in.
        nets: the net files that it read, as it was told to; None for a net inside the solver.
        solver: the solver, as seen from the current directory; None if it is unknown.
    """

    def __init__(
        self, cwd: Path, nets: Sequence[tuple[str | None, Phase]], solver: Path | None
    ) -> None:
        self._cwd = cwd
        self._net_files = nets
        self._solver_file = solver

    def solver_place(
        self, fields: Iterable[str], words: Mapping[str, str] | None = None
    ) -> Location | None:
        """The place of the first of some fields that the solver has.

        `words` has the values of those fields that must have a certain one.
        """
        if self._solver is None:
            return None
        values = words or {}
        entries = (
            entry for field in fields for entry in reversed(self._solver.root.entries(field))
        )
        fitting = (
            entry
            for entry in entries
            if entry.field.name not in values or _is(entry, values[entry.field.name])
        )
        return next((entry.location for entry in fitting), None)

    def zero_stepsize(self) -> Location | None:
        """The place of a policy that divides by its stepsize where that is 0; None for others."""
        solver = self._solver
        if solver is None or solver.string("lr_policy") != "step" or solver.integer("stepsize"):
            return None
        return self.solver_place(("stepsize", "lr_policy"))

    def batches(self) -> Iterator[tuple[Layer, Entry]]:
        """The batch_size of each layer that has one."""
        for layer in self._layers(None):
            for message in _BATCHES:
                yield from ((layer, entry) for entry in layer.settings(message, "batch_size"))

    def layer_place(
        self, fields: Sequence[str], words: Mapping[str, str], name: str, phase: Phase | None
    ) -> Location | None:
        """The place of the first of some fields that a layer has.

        Args:
            fields: `type`, `transform_param.crop_size`.
            words: what the log says of the failure: a value with the name of the field must be its
                value, and `blob` that of a bottom or top.
            name: the layer's; empty if the log does not tell it. Then the place is that of the
                only field of the nets that fits.
            phase: that of the net which was built, None if it is unknown.
        """
        if name:
            layers = [layer for layer in self._layers(phase) if layer.name == name]
            layers = layers or [layer for layer in self._layers(None) if layer.name == name]
            if not layers:
                return None
            entries = (entry for field in fields for entry in _entries(layers[0], field, words))
            entry = next(entries, None)
            return entry.location if entry is not None else layers[0].location
        for field in fields:
            places = {
                str(entry.location): entry.location
                for layer in self._layers(phase)
                for entry in _entries(layer, field, words)
            }
            if places:
                return next(iter(places.values())) if len(places) == 1 else None
        return None

    def databases(self) -> list[str]:
        """The sources of the Data layers of the nets that ran."""
        sources = [
            layer.setting("data_param", "source")
            for layer in self._layers(None)
            if layer.type == "Data"
        ]
        return list(dict.fromkeys(filter(None, sources)))

    def _layers(self, phase: Phase | None) -> Iterator[Layer]:
        """The layers of the nets that were read in a phase, or in any."""
        for net, of_phase in self._nets:
            if phase in (None, of_phase):
                state = State(of_phase).merged(net.root.message("state"))
                yield from (layer for layer in net.layers if layer.is_in(state))

    @cached_property
    def _nets(self) -> list[tuple[Net, Phase]]:
        nets: dict[tuple[str | None, Phase], list[Net]] = {}
        for file, phase in self._net_files:
            if (file, phase) not in nets:
                nets[file, phase] = self._read_net(file, phase)
        return [(net, phase) for (_, phase), each in nets.items() for net in each]

    def _read_net(self, file: str | None, phase: Phase) -> list[Net]:
        """The net of a file; of those inside the solver, all that may be meant."""
        with contextlib.suppress(SsdhError):
            if file is not None:
                document = _read(_as_seen(self._cwd / file))
                return [net_of(document)] if document is not None else []
            if self._solver is not None:
                document, roots = self._solver.document, self._solver.inner_nets
                mine = [root for field, root in roots if field.startswith(phase.lower())]
                return [net_of(document, each) for each in mine or [root for _, root in roots]]
        return []

    @cached_property
    def _solver(self) -> Solver | None:
        document = _read(self._solver_file) if self._solver_file else None
        try:
            return Solver(document) if document is not None else None
        except SsdhError:
            return None


def _as_seen(path: Path) -> Path:
    """A path as a user in the current directory types it."""
    inside = os.path.relpath(path)
    return path if inside.startswith("..") else Path(inside)


def _read(path: Path) -> Document | None:
    try:
        return parse(path.read_bytes(), str(path))
    except (OSError, ValueError, SsdhError):
        return None


def _entries(layer: Layer, field: str, words: Mapping[str, str]) -> list[Entry]:
    """The values of a field of a layer, those alone that are what the log says."""
    message, _, name = field.rpartition(".")
    if message:
        entries = layer.settings(message, name)
    else:
        entries = layer.core.entries(name) or layer.outer.entries(name)
    value = words.get(name) or (words.get("blob") if name in _BLOBS else None)
    return [entry for entry in entries if not value or _is(entry, value)]


def _is(entry: Entry, value: str) -> bool:
    return isinstance(entry.value, Scalar) and value in (entry.value.string, entry.value.text)
