"""Learning-rate policies: the rate of each iteration, as in Caffe's `GetLearningRate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ssdh_surgery.caffe.messages.forks import forks_with_policy
from ssdh_surgery.caffe.training.field_refusal import FieldRefusal, refuse
from ssdh_surgery.errors import did_you_mean

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter


@dataclass(frozen=True)
class _Policy:
    """A policy: the factor of the base rate, and the fields that it needs.

    The factor is a function of the solver's message, the iteration and the `multistep` step.
    """

    factor: Callable[[SolverParameter, int, int], float]
    needs_gamma: bool = False
    needs_stepsize: bool = False


def _inverse(param: SolverParameter, iteration: int, _step: int) -> float:
    return _power(1 + param.gamma * iteration, -param.power)


def _polynomial(param: SolverParameter, iteration: int, _step: int) -> float:
    return _power(1 - np.float64(iteration) / param.max_iter, param.power)


def _sigmoid(param: SolverParameter, iteration: int, _step: int) -> float:
    return float(1 / (1 + np.exp(-param.gamma * (np.float64(iteration) - param.stepsize))))


def _power(base: float, exponent: float) -> float:
    return float(np.power(np.float64(base), exponent))


_POLICIES = {
    "fixed": _Policy(lambda _param, _iteration, _step: 1.0),
    "step": _Policy(
        lambda param, iteration, _step: _power(param.gamma, iteration // param.stepsize),
        needs_gamma=True,
        needs_stepsize=True,
    ),
    "exp": _Policy(
        lambda param, iteration, _step: _power(param.gamma, iteration), needs_gamma=True
    ),
    "inv": _Policy(_inverse, needs_gamma=True),
    "multistep": _Policy(
        lambda param, _iteration, step: _power(param.gamma, step), needs_gamma=True
    ),
    "poly": _Policy(_polynomial),
    "sigmoid": _Policy(_sigmoid, needs_gamma=True, needs_stepsize=True),
}


# Steps of a rate that are looked at: a step at each iteration would be millions.
_MOST_STEPS = 1000


class RateSchedule:
    """The learning rate of each iteration, which must be computed in order.

    `step` is Caffe's current step: the number of times that `step` or `multistep` has lowered
    the rate.

    Raises:
        EngineError: the policy is not one of Caffe's, or a field that it needs is invalid;
            `error.data["field"]` names the solver's field.
    """

    def __init__(self, param: SolverParameter, step: int = 0) -> None:
        self.step = step
        self._param = param
        refuse(policy_refusals(param))
        self._policy = _POLICIES[param.lr_policy]

    def at(self, iteration: int) -> float:
        """The rate before any `lr_mult`, in float32; as in Caffe, it may be inf or nan."""
        param = self._param
        if param.lr_policy == "step":
            self.step = iteration // param.stepsize
        elif param.lr_policy == "multistep":
            # Caffe takes one step per iteration, even if two are due.
            values = param.stepvalue
            if self.step < len(values) and iteration >= values[self.step]:
                self.step += 1
        with np.errstate(all="ignore"):
            rate = param.base_lr * self._policy.factor(param, iteration, self.step)
            return float(np.float32(rate))


def policy_refusals(param: SolverParameter) -> Iterator[FieldRefusal]:
    """What Caffe refuses in the policy, or divides by zero for."""
    name = param.lr_policy
    policy = _POLICIES.get(name)
    if policy is None:
        message = f"unknown learning rate policy '{name}'" if name else "lr_policy is not set"
        hint = did_you_mean(name, _POLICIES) or f"Caffe has {', '.join(_POLICIES)}"
        yield FieldRefusal("lr_policy", message, hint, forks=forks_with_policy(name))
        return
    if policy.needs_gamma and param.gamma < 0:
        yield _too_small(name, "gamma", "at least 0", param.gamma, "gamma: 0.1")
    if policy.needs_stepsize and param.stepsize <= 0:
        third = max(1, param.max_iter // 3)
        hint = f"stepsize: {third} changes the rate after each third of max_iter"
        yield _too_small(name, "stepsize", "above 0", param.stepsize, hint)


def _too_small(policy: str, field: str, bound: str, value: float, hint: str) -> FieldRefusal:
    message = f"lr_policy '{policy}' needs a {field} {bound}, not {value:g}"
    return FieldRefusal(field, message, hint, near="lr_policy")


@dataclass(frozen=True)
class RateChange:
    """A learning rate that holds from an iteration on; for a curve, its value there."""

    iteration: int
    rate: float


def rate_changes(param: SolverParameter) -> tuple[RateChange, ...]:
    """The steps of the learning rate, the first at iteration 0.

    A rate that changes at every iteration is sampled a thousand times.

    Raises:
        EngineError: see `RateSchedule`.
    """
    schedule, last = RateSchedule(param), max(0, param.max_iter - 1)
    if param.lr_policy not in ("step", "multistep", "fixed"):
        return tuple(RateChange(each, schedule.at(each)) for each in _sampled(last))
    starts = [0]
    if param.lr_policy == "step":
        starts = [*range(0, last + 1, param.stepsize)[:_MOST_STEPS]]
    elif param.lr_policy == "multistep":
        for value in param.stepvalue:
            # Caffe takes one step per iteration, even if two are due.
            starts.append(max(value, starts[-1] + 1))
        starts = [each for each in starts if each <= last]
    changes = [RateChange(each, schedule.at(each)) for each in starts]
    kept = [
        each
        for index, each in enumerate(changes)
        if not index or each.rate != changes[index - 1].rate
    ]
    return tuple(kept)


def _sampled(last: int) -> list[int]:
    return sorted({last * each // _MOST_STEPS for each in range(_MOST_STEPS + 1)})
