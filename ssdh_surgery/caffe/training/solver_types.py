"""Caffe's six types of solvers: their names, what each keeps for a param, and what it refuses.

Sources in Caffe: `SGDSolver::PreSolve`, and the `constructor_sanity_check`, the `PreSolve` and the
`ComputeUpdateValue` of each type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.forks import forks_with_solver_type
from ssdh_surgery.caffe.training.field_refusal import FieldRefusal
from ssdh_surgery.errors import did_you_mean

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter


@dataclass(frozen=True)
class SolverType:
    """One type.

    Attributes:
        takes_momentum: whether `momentum` may be set.
        fractions: fields that must be at least 0 and below 1.
        history: the values that it remembers for each one of a param; a snapshot holds them.
        scratch: further values for each one of a param, on a CPU, which no snapshot holds.
    """

    takes_momentum: bool = True
    fractions: tuple[str, ...] = ()
    history: int = 1
    scratch: int = 0


SOLVER_TYPES = {
    "SGD": SolverType(),
    "Nesterov": SolverType(scratch=1),
    "AdaGrad": SolverType(takes_momentum=False, scratch=1),
    "RMSProp": SolverType(takes_momentum=False, fractions=("rms_decay",), scratch=1),
    "AdaDelta": SolverType(history=2, scratch=2),
    "Adam": SolverType(fractions=("momentum", "momentum2"), history=2, scratch=1),
}


def solver_type(param: SolverParameter) -> str:
    """The type that a solver names by `type`, or by the deprecated `solver_type`."""
    if not param.HasField("solver_type") or param.HasField("type"):
        return param.type
    numbers = schema.enum_values("SolverParameter.SolverType")
    return next(name for name in SOLVER_TYPES if numbers[name.upper()] == param.solver_type)


def type_refusals(param: SolverParameter) -> Iterator[FieldRefusal]:
    """What Caffe refuses in the type of a solver, and in the fields that it reads."""
    if param.HasField("solver_type") and param.HasField("type"):
        hint = "solver_type is the deprecated form of type: remove it"
        yield FieldRefusal("solver_type", "solver_type and type cannot both be set", hint)
        return
    name = solver_type(param)
    rules = SOLVER_TYPES.get(name)
    if rules is None:
        hint = did_you_mean(name, SOLVER_TYPES) or f"Caffe has {', '.join(SOLVER_TYPES)}"
        forks = forks_with_solver_type(name)
        yield FieldRefusal("type", f"unknown solver type '{name}'", hint, forks=forks)
        return
    if not rules.takes_momentum and param.momentum:
        yield FieldRefusal("momentum", f"momentum cannot be used with {name}")
    for field in rules.fractions:
        value = getattr(param, field)
        if not 0 <= value < 1:
            message = f"{field} must be at least 0 and below 1, not {value:g}"
            yield FieldRefusal(field, message)
    kind = param.regularization_type
    if param.weight_decay and kind not in ("L1", "L2"):
        message = f"unknown regularization type '{kind}'"
        yield FieldRefusal("regularization_type", message, "Caffe has L1 and L2")
