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
        nets: what its fields `net`, `train_net` and `test_net` name or hold, in order.
    """
    train_state = solver.root.message("train_state")
    for net in (*nets.get("train_net", ()), *nets.get("net", ())):
        yield net, net.state("TRAIN").merged(train_state)
    # The test nets as Caffe counts them: its own first, the shared net for what is left.
    # Without a `test_iter` the shared net is never tested, and need not have a TEST phase.
    own = nets.get("test_net", ())
    left = len(solver.root.entries("test_iter")) - len(own)
    shared = [net for net in nets.get("net", ()) for _ in range(left)]
    states = solver.root.messages("test_state")
    for number, net in enumerate((*own, *shared)):
        state = states[number] if number < len(states) else None
        yield net, net.state("TEST").merged(state)


def usual_states(net: Net) -> Iterator[tuple[Net, State]]:
    """The states of a train net without a solver: TRAIN, and TEST where it has data for that.

    None where its rules ask for stages or levels, which only a solver would tell.
    """
    rules = [rule for layer in net.layers for rule in (*layer.include, *layer.exclude)]
    if any(rule.asks_for_more_than_phase for rule in rules):
        return
    yield net, net.state("TRAIN")
    if any(layer.is_data and net.phase_of(layer) == "TEST" for layer in net.layers):
        yield net, net.state("TEST")
