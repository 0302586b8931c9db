"""Unread blobs: layers that go because nothing reads them any more, and Silence layers.

A patched net has no outputs that the original did not have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.caffe.net.phase import PHASES, Phase, State
from ssdh_surgery.prototxt.render import Word
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import layers


@dataclass(frozen=True)
class Cut:
    """A layer whose first bottom is to be another blob, so that it no longer reads the old one."""

    layer: Layer
    blob: str


def unread_layers(net: Net, removed: Collection[Layer] = (), cut: Cut | None = None) -> list[Layer]:
    """The removed layers and those that nothing reads without them, in the text's order.

    A layer that reaches a loss, an accuracy or an output in some other way stays. A Silence
    keeps no layer: it is removed when all that it reads is removed.

    Args:
        net: the net.
        removed: layers that are taken out.
        cut: a layer that is to read another blob.
    """
    silences = [layer for layer in net.layers if layer.type == "Silence"]
    # The Silences that stay, and so count as readers.
    kept: set[int] = set()
    while True:
        indices = {layer.index for layer in removed}
        for layer in reversed(net.layers):
            if _is_unread(net, layer, indices, cut, kept):
                indices.add(layer.index)
        whole = {layer.index for layer in silences if _writers(net, layer) <= indices}
        partial = {layer.index for layer in silences if _writers(net, layer) & indices} - whole
        if partial <= kept:
            break
        kept |= partial
    indices |= {layer.index for layer in silences if layer.index in whole and _writers(net, layer)}
    return [layer for layer in net.layers if layer.index in indices]


def _is_unread(
    net: Net, layer: Layer, removed: Collection[int], cut: Cut | None, silences: Collection[int]
) -> bool:
    if any(layer.loss_weights):
        return False
    was_read = False
    for graph in _graphs(net, layer):
        features = graph.last(cut.blob) if cut else None
        if features is not None and features.writer is layer:
            return False
        for blob in graph.writes(layer):
            for reader, bottom in graph.consumers(blob):
                if reader.type == "Silence" and reader.index not in silences:
                    continue
                is_cut = cut is not None and reader is cut.layer and bottom == 0
                if reader.index not in removed and not is_cut:
                    return False
                was_read = True
    return was_read


def _writers(net: Net, layer: Layer) -> set[int]:
    return {
        blob.writer.index
        for graph in _graphs(net, layer)
        for blob in graph.reads(layer)
        if blob and blob.writer
    }


def _graphs(net: Net, layer: Layer) -> list[BlobGraph]:
    return net.graphs_with(layer)


def newly_unread_blobs(before: Net, after: Net) -> dict[str, tuple[State, ...]]:
    """The blobs that a layer reads before a change and none reads after it, with their states."""
    states_of: dict[str, tuple[State, ...]] = {}
    for state in before.states:
        old, new = before.graph(state), after.graph(state)
        outputs = {blob.name for blob in old.outputs}
        for blob in new.outputs:
            if old.last(blob.name) and blob.name not in outputs:
                states_of[blob.name] = (*states_of.get(blob.name, ()), state)
    return states_of


def silence(net: Net, blobs: Iterable[tuple[str, tuple[State, ...]]]) -> Change:
    """Add a Silence for each blob that would be an output, in the states where it would be one.

    V0 has no such layer, and gets none.
    """
    if net.dialect is Dialect.V0:
        return Change()
    names = set(net.names)
    new = []
    for blob, states in blobs:
        name = unique_name(f"silence_{blob}", names)
        names.add(name)
        rules = _rules_for(net, blob, states)
        new.append([("name", name), ("type", "Silence"), ("bottom", blob), *rules])
    return merge([layers.insert_after(net.layers[-1], new)])


def _rules_for(net: Net, blob: str, states: Collection[State]) -> list[tuple[str, object]]:
    """The rules of a layer that reads a blob in some of the states of a net, and in no other."""
    others = [state for state in net.states if state not in states]
    if not others:
        return []
    first = next((layer for layer in net.layers if blob in layer.tops), None)
    if first and all(map(first.is_in, states)) and not any(map(first.is_in, others)):
        return layers.phase_rules(first)
    if phases := _whole_phases(states, others):
        return [("include", [("phase", Word(phase))]) for phase in phases]
    return [("include", _exact_rule(state)) for state in states]


def _whole_phases(states: Collection[State], others: Collection[State]) -> list[Phase]:
    """The phases of some states; none where other states are in one of them as well."""
    phases = [phase for phase in PHASES if any(state.phase == phase for state in states)]
    return [] if any(state.phase in phases for state in others) else phases


def _exact_rule(state: State) -> list[tuple[str, object]]:
    """A rule that is met in a state; its level only where that is not Caffe's default."""
    stages = [("stage", stage) for stage in sorted(state.stages)]
    levels = [(name, state.level) for name in ("min_level", "max_level") if state.level]
    return [("phase", Word(state.phase)), *levels, *stages]
