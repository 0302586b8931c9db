"""A net: a read-only view of a document with its layers, inputs and states."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from copy import copy
from functools import cached_property, lru_cache

from ssdh_surgery.caffe.messages.dialect import Dialect, dialect_of, layer_entries
from ssdh_surgery.caffe.messages.wrong_values import refuse_wrong_values
from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.phase import PHASES, Phase, State, can_take_part
from ssdh_surgery.caffe.net.states import rule_states, runnable_states
from ssdh_surgery.errors import AmbiguousLayer, SurgeryError, UnknownLayer, did_you_mean
from ssdh_surgery.files import STDIN
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Document, Message

# Deeper than any net, and protobuf's own limit; its Python parser fails at about 300.
MAX_DEPTH = 100
# The fields that declare inputs at the top of a net.
INPUT_FIELDS = ("input", "input_shape", "input_dim")
# The number of sizes per input in `input_dim`.
LEGACY_AXES = 4


class Net:
    """The net that a document describes, in any dialect.

    `root` is the message that holds the layers: the file itself, or the `net_param` of a
    solver. `solver_states` are those that a solver runs it in, as far as that is known.

    Raises:
        SchemaError: a field has a value of a kind that no Caffe reads.
        SurgeryError: it mixes dialects, or is nested more than 100 levels deep.
    """

    solver_states: tuple[State, ...] = ()

    def __init__(self, document: Document, root: Message | None = None) -> None:
        self.document = document
        self.root = root or document.root
        refuse_depth(document)
        refuse_wrong_values(self.root, "NetParameter")
        self.dialect: Dialect = dialect_of(self.root)
        self.layers: tuple[Layer, ...] = tuple(
            Layer(entry, self.dialect, index)
            for index, entry in enumerate(layer_entries(self.root))
        )
        self._graphs: dict[tuple[State | None, tuple[int, ...]], BlobGraph] = {}
        self._layers_by_state: dict[State, tuple[Layer, ...]] = {}
        self._graphs_by_state: dict[State, BlobGraph] = {}

    def __repr__(self) -> str:
        return f"<Net {self.name!r} of {len(self.layers)} layers>"

    @property
    def file(self) -> str:
        """The file name, as the user gave it."""
        return self.document.source.file

    @property
    def name(self) -> str:
        """The name of the net; empty if it has none."""
        return self.root.string("name")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The blobs declared by `input:` at the top of the net.

        Caffe drops inputs without sizes; those that a layer writes do not count then.
        """
        names = tuple(scalar.string for scalar in self.root.scalars("input"))
        if self.root.entries("input_shape") or self.root.entries("input_dim"):
            return names
        tops = {top for layer in self.layers for top in layer.tops}
        return tuple(name for name in names if name not in tops)

    @property
    def input_shapes(self) -> tuple[tuple[int, ...] | None, ...]:
        """The shape of each of `inputs`; None for one without a shape, which Caffe drops.

        As in Caffe's upgrade, `input_dim` with its four sizes per input counts only if there is
        no `input_shape`.
        """
        shapes = [_sizes(message, "dim") for message in self.root.messages("input_shape")]
        if not shapes:
            dims = _sizes(self.root, "input_dim")
            ends = range(LEGACY_AXES, len(dims) + 1, LEGACY_AXES)
            shapes = [dims[end - LEGACY_AXES : end] for end in ends]
        count = len(self.inputs)
        return tuple([*shapes, *[None] * count][:count])

    @cached_property
    def has_rules(self) -> bool:
        """Whether any layer is in some states only."""
        return any(layer.include or layer.exclude for layer in self.layers)

    @cached_property
    def has_phases(self) -> bool:
        """Whether any layer is in one phase only."""
        return any(self.phase_of(layer) for layer in self.layers)

    def phase_of(self, layer: Layer) -> Phase | None:
        """The only phase of a layer, or None if it is in both or in neither."""
        phases = [phase for phase in PHASES if can_take_part(layer.include, layer.exclude, phase)]
        return phases[0] if len(phases) == 1 else None

    def state(self, phase: Phase) -> State:
        """The state of the net in a phase, including the `state` of the file."""
        merged = State(phase).merged(self.root.message("state"))
        return State(phase, merged.level, merged.stages)

    @cached_property
    def run_states(self) -> tuple[State, ...]:
        """The states that the net runs in: the solver's, else those of its rules that have data."""
        return self.solver_states or runnable_states(self.states, self.graph)

    @cached_property
    def states(self) -> tuple[State, ...]:
        """All states in which the net must make sense: the solver's, and those of its rules."""
        bases = [self.state(phase) for phase in PHASES]
        of_rules = rule_states(self.layers, bases, self.graph)
        return tuple(dict.fromkeys([*self.solver_states, *of_rules]))

    def states_of(self, phase: Phase) -> tuple[State, ...]:
        """The states of a phase that the net runs in; all of that phase if it runs in none."""
        states = [state for state in self.run_states if state.phase == phase]
        return tuple(states or (state for state in self.states if state.phase == phase))

    @cached_property
    def run_graphs(self) -> tuple[BlobGraph, ...]:
        """The blobs of the net in the states that it runs in, once for each set of layers."""
        return self._distinct_graphs(self.run_states)

    @cached_property
    def graphs(self) -> tuple[BlobGraph, ...]:
        """The blobs of the net in all its states, once for each set of layers; run states first."""
        return self._distinct_graphs((*self.run_states, *self.states))

    def graphs_with(self, layer: Layer) -> list[BlobGraph]:
        """The graphs that a layer takes part in."""
        return [graph for graph in self.graphs if graph.takes_part(layer)]

    def _distinct_graphs(self, states: Iterable[State]) -> tuple[BlobGraph, ...]:
        graphs: dict[tuple[Layer, ...], BlobGraph] = {}
        for state in states:
            graph = self.graph(state)
            graphs.setdefault(graph.layers, graph)
        return tuple(graphs.values())

    def in_states(self, states: Iterable[State]) -> Net:
        """The same net, run by a solver in the given states; by none if there are none."""
        distinct = tuple(dict.fromkeys(states))
        if distinct == self.solver_states:
            return self
        return net_of(self.document, self.root, distinct)

    def layers_in(self, phase: Phase | State) -> tuple[Layer, ...]:
        """The layers of a phase (or of a full state)."""
        state = phase if isinstance(phase, State) else self.state(phase)
        if state not in self._layers_by_state:
            present = tuple(layer for layer in self.layers if layer.is_in(state))
            self._layers_by_state[state] = present
        return self._layers_by_state[state]

    def graph(self, phase: Phase | State) -> BlobGraph:
        """The layers of a phase with the blobs that connect them."""
        state = phase if isinstance(phase, State) else self.state(phase)
        if state not in self._graphs_by_state:
            self._graphs_by_state[state] = self._graph(state)
        return self._graphs_by_state[state]

    def _graph(self, state: State) -> BlobGraph:
        present = self.layers_in(state)
        absent = [layer for layer in self.layers if not layer.is_in(state)]
        # A net without rules, such as a deploy net, has the same graph in each state.
        key = (state if absent else None, tuple(layer.index for layer in present))
        if key not in self._graphs:
            self._graphs[key] = BlobGraph(self.inputs, present, state, absent)
        return self._graphs[key]

    def named(self, name: str) -> tuple[Layer, ...]:
        """All layers with a name."""
        return tuple(layer for layer in self.layers if layer.name == name)

    def layer(self, name: str, phase: Phase | None = None) -> Layer:
        """The layer with a name.

        Raises:
            UnknownLayer: no layer has this name.
            AmbiguousLayer: several layers have it, and the phase does not tell which is meant.
        """
        layers = self.named(name)
        if phase and len(layers) > 1:
            layers = tuple(layer for layer in layers if layer.is_in(self.state(phase)))
        if not layers:
            raise UnknownLayer(
                f"no layer is called '{name}'",
                location=Location(self.file),
                hint=did_you_mean(name, (layer.name for layer in self.layers)),
                layer=name,
            )
        if len(layers) > 1:
            lines = " and ".join(str(layer.line) for layer in layers)
            raise AmbiguousLayer(
                f"the layers on lines {lines} are all called '{name}'",
                location=layers[0].location,
                hint="specify its phase",
                layer=name,
            )
        return layers[0]

    @cached_property
    def blob_names(self) -> tuple[str, ...]:
        """The names of all blobs, in the order in which they are written."""
        tops = (top for layer in self.layers for top in layer.tops)
        return tuple(dict.fromkeys([*self.inputs, *tops]))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of all blobs and layers."""
        return tuple(dict.fromkeys([*self.blob_names, *(layer.name for layer in self.layers)]))

    def name_hint(self, name: str, names: Iterable[str] | None = None) -> str | None:
        """A hint for a name that is not in the net: the closest one, or how to list them all.

        Args:
            name: the name.
            names: the names that it may have; by default those of all layers and blobs.
        """
        if hint := did_you_mean(name, self.names if names is None else names):
            return hint
        if self.file == STDIN or self.root is not self.document.root:
            return None
        return f"ssdh show {shlex.quote(self.file)} lists its layers and blobs"


def _sizes(message: Message, name: str) -> tuple[int, ...]:
    return tuple(literals.integer(scalar.text) or 0 for scalar in message.scalars(name))


def net_of(document: Document, root: Message | None = None, states: tuple[State, ...] = ()) -> Net:
    """The net of a document, cached so that its graphs are built once."""
    return _net_of(document, root or document.root, states)


@lru_cache(maxsize=16)
def _net_of(document: Document, root: Message, states: tuple[State, ...]) -> Net:
    if not states:
        return Net(document, root)
    net = copy(_net_of(document, root, ()))
    net.solver_states = states
    for name in ("states", "run_states", "graphs", "run_graphs"):
        vars(net).pop(name, None)
    return net


def refuse_depth(document: Document, limit: int = MAX_DEPTH) -> None:
    """Refuse messages that are nested deeper than protobuf itself reads.

    Raises:
        SurgeryError: naming the first message that is too deep.
    """
    if document.depth <= limit:
        return
    deep = next(message for message in document.walk_messages() if message.depth > limit)
    raise SurgeryError(
        f"messages are nested {document.depth} deep; no net needs more than {limit}",
        location=document.location(deep.first),
    )


def unique_name(name: str, others: Iterable[str]) -> str:
    """The name itself if it is not among `others`, otherwise with the first free number."""
    names = set(others)
    if name not in names:
        return name
    number = next(n for n in range(2, len(names) + 3) if f"{name}_{n}" not in names)
    return f"{name}_{number}"
