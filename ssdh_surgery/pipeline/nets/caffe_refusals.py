"""What Caffe would stop at in a net as a user brings it: told, and left to the user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.files.caffe_paths import data_folders
from ssdh_surgery.pipeline.files.file_group import Group
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.pipeline.nets.run_states import solver_states, usual_states


def mistakes(net: Net, state: State, folders: Sequence[Path]) -> list[Finding]:
    """What Caffe would stop at when it builds a net in a state."""
    known = shapes(net, state, shapes_at_hand(net, state, folders))
    found = (*net.graph(state).findings, *known.findings)
    return [finding for finding in found if finding.severity == "error"]


def refusals(group: Group) -> list[str]:
    """Warnings about nets of a group that Caffe refuses before anything is done to them."""
    if group.train is None:
        return []
    folders = data_folders(group.train.path)
    runs = dict.fromkeys(_runs(group))
    return told(found for net, state in runs for found in mistakes(net, state, folders))


def told(found: Iterable[Finding]) -> list[str]:
    """Findings as warnings, each once."""
    return [
        f"Caffe would refuse this net, with a hash layer or without\n{finding}"
        for finding in dict.fromkeys(found)
    ]


def _runs(group: Group) -> Iterator[tuple[Net, State]]:
    if group.solver is None:
        return usual_states(group.train_net)
    nets: dict[str, list[Net]] = {}
    for name, net in group.inner_nets:
        nets.setdefault(name, []).append(net)
    for field, source in group.named_nets:
        nets.setdefault(field, []).append(net_of(source.document))
    return solver_states(Solver(group.solver.document), nets)
