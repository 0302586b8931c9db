"""The states of a net without a solver: those that its include and exclude rules distinguish.

A state that two layers in different stages need together is found as well, as far as Caffe
could build the net in it: rules of many stages allow more combinations than anyone trains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, islice

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.phase import PHASES, State

# Bounds for nets with more stages than any real one has.
_MAX_SINGLE = 200
_MAX_COMBINED = 64

GraphOf = Callable[[State], BlobGraph]


def rule_states(
    layers: Sequence[Layer], bases: Sequence[State], graph_of: GraphOf
) -> tuple[State, ...]:
    """The states that the rules of layers distinguish, one per phase and selection of layers.

    Args:
        layers: all layers of the net.
        bases: the states without the stages and levels of rules, which come first.
        graph_of: the blobs of the net in a state.
    """
    ruled = [layer for layer in layers if layer.include or layer.exclude]
    distinct: dict[tuple[object, ...], State] = {}
    stages, levels = _stage_sets(ruled), _levels(ruled)
    single = islice(_states(bases, [frozenset(), *stages], levels), _MAX_SINGLE)
    for state in (*bases, *single):
        distinct.setdefault(_selection(ruled, state), state)
    if not stages:
        return tuple(distinct.values())
    for base in bases:
        of_phase = [graph_of(each) for each in distinct.values() if each.phase == base.phase]
        missing = _unbuilt(filter(_is_learner, ruled), of_phase)
        for state in islice(_states([base], _unions(stages), levels), _MAX_COMBINED):
            if not missing:
                break
            graph = graph_of(state)
            if not graph.findings and any(graph.takes_part(layer) for layer in missing):
                distinct.setdefault(_selection(ruled, state), state)
                missing = _unbuilt(missing, [graph])
    return tuple(distinct.values())


def runnable_states(states: Sequence[State], graph_of: GraphOf) -> tuple[State, ...]:
    """The states that a net is run in if no solver says it.

    In each phase they are those in which Caffe can build the net; where it can in none, those
    that have data, for TEST data of their own: a net without any is never tested. A net that has
    no data in either phase may run in all.
    """
    chosen: list[State] = []
    for phase in PHASES:
        of_phase = [state for state in states if state.phase == phase]
        with_data = [state for state in of_phase if not _lacks_data(graph_of(state))]
        complete = [state for state in with_data if not graph_of(state).findings]
        if phase == "TEST":
            with_data = [state for state in with_data if _has_own_data(graph_of(state))]
        plain = [state for state in with_data if state == of_phase[0]]
        chosen += complete or plain or with_data
    return tuple(chosen or states)


def _states(
    bases: Sequence[State], stages: Iterable[frozenset[str]], levels: Sequence[int]
) -> Iterator[State]:
    """The bases with each of the stages, at their own level and at each of the levels."""
    for added in stages:
        for base in bases:
            for level in dict.fromkeys([base.level, *levels]):
                yield State(base.phase, level, base.stages | added)


def _stage_sets(layers: Iterable[Layer]) -> list[frozenset[str]]:
    """The sets of stages that rules ask for, and each stage that one forbids."""
    sets: dict[frozenset[str], None] = {}
    for layer in layers:
        for rule in (*layer.include, *layer.exclude):
            asked = [rule.stages] if rule.stages else []
            forbidden = [frozenset([stage]) for stage in sorted(rule.not_stages)]
            sets |= dict.fromkeys([*asked, *forbidden])
    return list(sets)


def _unions(stages: Sequence[frozenset[str]]) -> Iterator[frozenset[str]]:
    """The unions of two sets of stages, of three, and so on."""
    for size in range(2, len(stages) + 1):
        for chosen in combinations(stages, size):
            yield frozenset().union(*chosen)


def _levels(layers: Iterable[Layer]) -> list[int]:
    """The levels at which a rule begins to be met, or ceases to be."""
    levels: set[int] = set()
    for layer in layers:
        for rule in (*layer.include, *layer.exclude):
            levels |= {rule.min_level} if rule.min_level is not None else set()
            levels |= {rule.max_level, rule.max_level + 1} if rule.max_level is not None else set()
    return sorted(levels)


def _selection(ruled: Sequence[Layer], state: State) -> tuple[object, ...]:
    return (state.phase, *(layer.is_in(state) for layer in ruled))


def _is_learner(layer: Layer) -> bool:
    """Whether a net is built for this layer: a loss, or one that may be a classifier."""
    rule = LAYER_RULES.get(layer.type)
    return layer.is_loss or (rule is not None and rule.is_classifier)


def _unbuilt(layers: Iterable[Layer], graphs: Sequence[BlobGraph]) -> list[Layer]:
    """The layers that are in none of the graphs that Caffe can build."""
    complete = [graph for graph in graphs if not graph.findings]
    return [layer for layer in layers if not any(graph.takes_part(layer) for graph in complete)]


def _lacks_data(graph: BlobGraph) -> bool:
    """Whether a layer reads data that only other states have, and this one has none of its own.

    Data without rules, such as constants, says nothing about a state. One without layers has
    none.
    """
    if not graph.layers:
        return True
    absent_data = {top for layer in graph.absent if layer.is_data for top in layer.tops}
    return not _has_own_data(graph) and bool(absent_data & set(graph.unknown_bottoms))


def _has_own_data(graph: BlobGraph) -> bool:
    """Whether a state has data that rules select for it."""
    return any(layer.is_data and (layer.include or layer.exclude) for layer in graph.layers)
