"""The states in which Caffe builds nets: those that a solver asks for, or a net alone implies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.net.solver import Solver


def solver_states(solver: Solver, nets: Mapping[str, Sequence[Net]]) -> Iterator[tuple[Net, State]]:
    """The nets that a solver runs, each in the state that it is run in.

    Args:
        solver: the solver.
        nets: the nets that its fields (`net`, `test_net_param`, ...) name or hold, by field, in
            order.
    """
    for field in ("train_net_param", "train_net", "net_param", "net"):
        for net in nets.get(field, ()):
            yield net, solver.train_state(net)
    for test, (field, index) in enumerate(solver.tests):
        if index < len(held := nets.get(field, ())):
            yield held[index], solver.test_state(held[index], test)


def usual_states(net: Net) -> Iterator[tuple[Net, State]]:
    """The states of a train net without a solver: TRAIN, and TEST where it has data for that.

    None where its rules ask for stages or levels, which only a solver would tell.
    """
    rules = [rule for layer in net.layers for rule in (*layer.include, *layer.exclude)]
    if any(rule.has_level_or_stage for rule in rules):
        return
    yield net, net.state("TRAIN")
    if any(layer.is_data and net.phase_of(layer) == "TEST" for layer in net.layers):
        yield net, net.state("TEST")
