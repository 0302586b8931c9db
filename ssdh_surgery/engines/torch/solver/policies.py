"""Learning-rate policies: the rate of each iteration, as in Caffe's `GetLearningRate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ssdh_surgery.errors import EngineError, did_you_mean

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
        self._policy = _policy(param)

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


def _policy(param: SolverParameter) -> _Policy:
    name = param.lr_policy
    if name not in _POLICIES:
        message = f"unknown learning rate policy '{name}'" if name else "lr_policy is not set"
        hint = did_you_mean(name, _POLICIES) or f"Caffe has {', '.join(_POLICIES)}"
        raise EngineError(message, hint=hint, field="lr_policy")
    policy = _POLICIES[name]
    if policy.needs_gamma and param.gamma < 0:
        raise _too_small(name, "gamma", "at least 0", param.gamma)
    if policy.needs_stepsize and param.stepsize <= 0:
        raise _too_small(name, "stepsize", "above 0", param.stepsize)
    return policy


def _too_small(policy: str, field: str, bound: str, value: float) -> EngineError:
    return EngineError(f"lr_policy '{policy}' needs a {field} {bound}, not {value:g}", field=field)
