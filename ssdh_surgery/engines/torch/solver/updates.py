"""Caffe's six solver types: SGD, Nesterov, AdaGrad, RMSProp, AdaDelta and Adam."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ssdh_surgery.caffe.training.field_refusal import refuse
from ssdh_surgery.caffe.training.solver_types import solver_type, type_refusals
from ssdh_surgery.engines.torch.solver.update_rule import (
    Bucket,
    Learnable,
    UpdateRule,
    as_float32,
)

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter


class SGD(UpdateRule):
    """h = momentum h + rate g; w -= h."""

    skips_frozen = True

    def update(self, bucket: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """Update a bucket; see `UpdateRule.update`."""
        (history,) = bucket.histories
        torch._foreach_mul_(history, self.param.momentum)
        torch._foreach_add_(history, gradients, alpha=rate)
        torch._foreach_sub_(bucket.leaves, history)


class Nesterov(UpdateRule):
    """h' = momentum h + rate g; w -= (1 + momentum) h' - momentum h."""

    skips_frozen = True

    def update(self, bucket: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """Update a bucket; see `UpdateRule.update`."""
        (history,) = bucket.histories
        momentum = self.param.momentum
        torch._foreach_add_(bucket.leaves, history, alpha=momentum)
        torch._foreach_mul_(history, momentum)
        torch._foreach_add_(history, gradients, alpha=rate)
        torch._foreach_sub_(bucket.leaves, history, alpha=1 + momentum)


class AdaGrad(UpdateRule):
    """h += g^2; w -= rate g / (sqrt(h) + delta)."""

    def update(self, bucket: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """Update a bucket; see `UpdateRule.update`."""
        (history,) = bucket.histories
        torch._foreach_addcmul_(history, gradients, gradients)
        _subtract_scaled(bucket, gradients, history, self.param.delta, rate)


class RMSProp(UpdateRule):
    """h = decay h + (1 - decay) g^2; w -= rate g / (sqrt(h) + delta)."""

    def update(self, bucket: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """Update a bucket; see `UpdateRule.update`."""
        (history,) = bucket.histories
        _average_square(history, gradients, self.param.rms_decay)
        _subtract_scaled(bucket, gradients, history, self.param.delta, rate)


class AdaDelta(UpdateRule):
    """Scales gradients by the ratio of two running averages of squares: past steps and gradients.

    `momentum` is the decay of both averages.
    """

    blobs_per_param = 2

    def update(self, bucket: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """Update a bucket; see `UpdateRule.update`."""
        squares, steps = bucket.histories
        delta = self.param.delta
        _average_square(squares, gradients, self.param.momentum)
        ratio = torch._foreach_add(steps, delta)
        torch._foreach_div_(ratio, torch._foreach_add(squares, delta))
        torch._foreach_sqrt_(ratio)
        torch._foreach_mul_(gradients, ratio)
        _average_square(steps, gradients, self.param.momentum)
        torch._foreach_sub_(bucket.leaves, gradients, alpha=rate)


class Adam(UpdateRule):
    """Bias-corrected running averages of gradients (momentum) and their squares (momentum2)."""

    blobs_per_param = 2

    def update(self, bucket: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """Update a bucket; see `UpdateRule.update`."""
        averages, squares = bucket.histories
        beta1, beta2 = self.param.momentum, self.param.momentum2
        torch._foreach_mul_(averages, beta1)
        torch._foreach_add_(averages, gradients, alpha=1 - beta1)
        _average_square(squares, gradients, beta2)
        step = iteration + 1
        correction = math.sqrt(1 - beta2**step) / (1 - beta1**step)
        _subtract_scaled(bucket, averages, squares, self.param.delta, as_float32(rate * correction))


def _average_square(history: list[Tensor], values: list[Tensor], decay: float) -> None:
    """Update a running average with the squares of some values."""
    torch._foreach_mul_(history, decay)
    torch._foreach_addcmul_(history, values, values, value=1 - decay)


def _subtract_scaled(
    bucket: Bucket, values: list[Tensor], squares: list[Tensor], delta: float, rate: float
) -> None:
    """Subtract rate * values / (sqrt(squares) + delta) from the params."""
    divisor = torch._foreach_sqrt(squares)
    torch._foreach_add_(divisor, delta)
    torch._foreach_addcdiv_(bucket.leaves, values, divisor, value=-rate)


_RULES: dict[str, type[UpdateRule]] = {
    rule.__name__: rule for rule in (SGD, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam)
}


def update_rule(param: SolverParameter, learnables: Sequence[Learnable]) -> UpdateRule:
    """The rule that a solver names by `type`, or by the deprecated `solver_type`.

    Raises:
        EngineError: an unknown type, both fields at once, or an invalid field of the rule;
            `error.data["field"]` names the field.
    """
    refuse(type_refusals(param))
    return _RULES[solver_type(param)](param, learnables)
