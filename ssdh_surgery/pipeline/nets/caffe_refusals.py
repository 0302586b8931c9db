"""What Caffe would refuse to build in a net as the user wrote it: a warning, left to the user."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.caffe.shapes import NetShapes, shapes
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.file_group import Group
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.pipeline.nets.run_states import solver_states, usual_states


def build_errors(net: Net, state: State, net_shapes: NetShapes) -> list[Finding]:
    """The errors at which Caffe would stop when it builds a net in a state.

    A shape that is unknown because the data is not at hand is not one of them.
    """
    return [
        finding
        for finding in (*net.graph(state).findings, *net_shapes.findings)
        if finding.is_error
    ]


def build_errors_with_data(net: Net, state: State, folders: Sequence[Path]) -> list[Finding]:
    """The same, with the shapes of the data that is found from `folders`."""
    net_shapes = shapes(net, state, shapes_at_hand(net, state, folders))
    return build_errors(net, state, net_shapes)


def group_refusals(group: Group) -> list[str]:
    """Warnings about the nets of a group that Caffe refuses as they are."""
    if group.train is None:
        return []
    folders = working_folders(group.train.path)
    runs = dict.fromkeys(_runs(group))
    return as_warnings(
        error for net, state in runs for error in build_errors_with_data(net, state, folders)
    )


def as_warnings(errors: Iterable[Finding]) -> list[str]:
    """Errors of a net before it was changed, as warnings without duplicates."""
    return [
        f"Caffe would refuse this net, with a hash layer or without\n{error}"
        for error in dict.fromkeys(errors)
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
