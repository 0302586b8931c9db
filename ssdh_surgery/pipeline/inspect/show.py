"""A net as a table of layers: what `ssdh show` prints, as plain values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ssdh_surgery.caffe.net.heads import Head, heads
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import PHASES, Phase, State
from ssdh_surgery.caffe.shapes import LayerShapes, NetShapes, shapes
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.sources import NETS, SourceFile, need
from ssdh_surgery.pipeline.nets.data_shapes import shapes_at_hand
from ssdh_surgery.surgery.hashing.roles import Role, hash_roles


@dataclass(frozen=True)
class NetTable:
    """A net in one state: its shapes and costs, and the heads that take part.

    `hashing` has the roles of the layers that hashing added, by their indices: `latent`,
    `code`, `term`.
    """

    net: Net
    state: State
    shapes: NetShapes
    heads: tuple[Head, ...]
    hashing: Mapping[int, Role]

    @property
    def phase(self) -> Phase:
        """The phase that is shown."""
        return self.state.phase

    @property
    def other_states(self) -> list[State]:
        """The states that the net's rules distinguish by stages or levels, but for its own.

        One that both phases have with the same layers is listed once.
        """
        net, present = self.net, self.net.graph(self.state).layers
        by_layers: dict[tuple[Layer, ...], State] = {}
        for state in net.states:
            selection = (state.level, state.stages)
            own = net.state(state.phase)
            layers = net.graph(state).layers
            if selection != (own.level, own.stages) and layers != present:
                by_layers.setdefault(layers, state)
        return list(by_layers.values())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the net, and why some shapes are unknown."""
        return (*self.net.graph(self.state).findings, *self.shapes.findings)

    @property
    def batch(self) -> int | None:
        """The number of items that the first blob holds, None where unknown."""
        first = next(iter(self.shapes.blobs.values()), None)
        return first[0] if first else None


def net_table(
    source: SourceFile,
    phase: Phase | None = None,
    inputs: Mapping[str, Sequence[int]] | None = None,
    level: int = 0,
    stages: Collection[str] = (),
) -> NetTable:
    """A net with its shapes.

    Args:
        source: a net in any dialect.
        phase: the phase to show; None is TRAIN where a layer is in TRAIN only, else TEST.
        inputs: shapes of blobs that are unknown without their data; they override the data.
        level: the level that the net is built for, 0 for its own.
        stages: the stages that it is built for, in addition to its own.

    Raises:
        SurgeryError: the file is not a net.
        UnknownLayer: `inputs` names a blob that is neither an input nor a top of a data layer.
    """
    net = as_net(source)
    states = {each: _with_selection(net.state(each), level, stages) for each in PHASES}
    if level or stages:
        net = net.in_states(tuple(states.values()))
    state = states[phase or default_phase(net)]
    from_data = shapes_at_hand(net, state, working_folders(source.path))
    graph, net_shapes = net.graph(state), shapes(net, state, {**from_data, **(inputs or {})})
    present = [head for head in heads(net) if graph.takes_part(head.classifier)]
    if level or stages:
        present = [_in_run_states(net, head) for head in present]
    hashing = hash_roles(graph, present)
    # In a deploy net the latent layer takes the place of the classifier.
    classifying = tuple(head for head in present if head.classifier.index not in hashing)
    return NetTable(net, state, net_shapes, classifying, hashing)


def _in_run_states(net: Net, head: Head) -> Head:
    """A head with the losses and accuracies of the states that its net runs in."""
    losses, accuracies = (
        tuple(each for each in judges if any(graph.takes_part(each) for graph in net.run_graphs))
        for judges in (head.losses, head.accuracies)
    )
    return replace(head, losses=losses, accuracies=accuracies)


def _with_selection(state: State, level: int, stages: Collection[str]) -> State:
    """A state with the level and the stages of the command line."""
    return State(state.phase, level or state.level, state.stages | set(stages))


def as_net(source: SourceFile) -> Net:
    """The net of a file.

    Raises:
        SurgeryError: the file is a solver, or neither.
    """
    need(source, *NETS)
    return net_of(source.document)


def default_phase(net: Net) -> Phase:
    """The phase that is shown by default."""
    return "TRAIN" if any(net.phase_of(layer) == "TRAIN" for layer in net.layers) else "TEST"


def net_json(view: NetTable) -> dict[str, Any]:
    """The net as `show --json` prints it; unknown values are null."""
    net_shapes = view.shapes
    return {
        "name": view.net.name,
        "phase": view.phase,
        "dialect": str(view.net.dialect),
        "layers": [_layer(each) for each in net_shapes.layers],
        "blobs": {name: _listed(shape) for name, shape in net_shapes.blobs.items()},
        "heads": [_head(head) for head in view.heads],
        "totals": {
            "params": net_shapes.param_count,
            "learned": net_shapes.learned_count,
            "macs": net_shapes.macs,
            "memory": net_shapes.memory,
        },
    }


def _layer(each: LayerShapes) -> dict[str, Any]:
    layer = each.layer
    return {
        "name": layer.name,
        "type": layer.type,
        "bottoms": list(layer.bottoms),
        "tops": list(layer.tops),
        "param_shapes": None if each.params is None else [list(shape) for shape in each.params],
        "param_count": each.param_count,
        "macs": each.macs,
        "memory": each.memory,
        "line": layer.line,
    }


def _listed(shape: tuple[int, ...] | None) -> list[int] | None:
    return None if shape is None else list(shape)


def _head(head: Head) -> dict[str, Any]:
    return {
        "classifier": head.classifier.name,
        "features": head.features,
        "losses": [layer.name for layer in head.losses],
        "accuracies": [layer.name for layer in head.accuracies],
        "classes": head.classes,
        "main": head.is_main,
    }
