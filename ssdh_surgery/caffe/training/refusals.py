"""All values of a solver that Caffe refuses before it trains, or that make it crash.

Sources in Caffe: `Solver::Init`, `InitTrainNet`, `InitTestNets`, `GetLearningRate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.training.field_refusal import FieldRefusal
from ssdh_surgery.caffe.training.rate_schedule import policy_refusals
from ssdh_surgery.caffe.training.solver_types import type_refusals

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter
    from ssdh_surgery.caffe.net.solver import Solver

# The fields that can set the train net, of which exactly one must.
TRAIN_FIELDS = ("net", "net_param", "train_net", "train_net_param")


def refusals(solver: Solver, param: SolverParameter) -> Iterator[FieldRefusal]:
    """What Caffe refuses in a solver; `param` is its message."""
    yield from policy_refusals(param)
    yield from type_refusals(param)
    for field in ("iter_size", "average_loss"):
        if (value := getattr(param, field)) < 1:
            yield FieldRefusal(field, f"{field} must be at least 1, not {value}")
    yield from _train_net(param)
    yield from _tests(solver, param)


def _train_net(param: SolverParameter) -> Iterator[FieldRefusal]:
    fields = [field for field in TRAIN_FIELDS if param.HasField(field)]
    if not fields:
        hint = "add net: with the path of the train net"
        yield FieldRefusal("net", "the solver names no net to train", hint)
    elif len(fields) > 1:
        yield FieldRefusal(
            fields[-1],
            f"the train net must be set by one field, not by {' and '.join(fields)}",
            f"keep one of {', '.join(fields)}",
        )


def _tests(solver: Solver, param: SolverParameter) -> Iterator[FieldRefusal]:
    """Caffe needs one `test_iter` and one `test_state` for each test net, and an interval."""
    if not solver.has_matching_test_iter:
        count = len(solver.own_test_nets)
        yield FieldRefusal(
            "test_iter",
            f"test_iter must be set once per test net: {solver.test_iter_count} for {count}",
            "repeat test_iter, in the order of the test nets",
        )
        return
    tests, states = len(solver.tests), len(param.test_state)
    if states and states != tests:
        yield FieldRefusal(
            "test_state",
            f"test_state must be set once per test net, or not at all: {states} for {tests}",
        )
    if tests and param.test_interval <= 0:
        yield FieldRefusal(
            "test_interval",
            "test_interval must be above 0 if there are test nets",
            "set test_interval, or remove test_iter to train without tests",
            near="test_iter",
        )
