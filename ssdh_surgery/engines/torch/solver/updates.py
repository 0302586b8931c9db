"""The six update rules: from the gradients of an iteration to new params, as Caffe's solvers do.

The order is Caffe's: gradients are clipped, divided by `iter_size`, regularised, turned into
an update with the learning rate inside it (inside the momentum, too), and subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.errors import EngineError, did_you_mean

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import SolverParameter


@dataclass(frozen=True)
class Learnable:
    """A param of a net that is updated: a leaf tensor, whose gradient is `leaf.grad`."""

    leaf: Tensor
    lr_mult: float = 1.0
    decay_mult: float = 1.0


@dataclass(frozen=True)
class Clipped:
    """Gradients were scaled down: their L2 norm before, and the factor."""

    norm: float
    factor: float


@dataclass(frozen=True)
class Bucket:
    """Params of the same multipliers, so that one operation serves all of them.

    `histories` has a list of tensors for each blob that the rule keeps per param.
    """

    leaves: list[Tensor]
    histories: list[list[Tensor]]
    lr_mult: float
    decay_mult: float


class UpdateRule:
    """An update rule and its history, which starts as zeros.

    `learnables` are the net's own params in its order, those with `lr_mult: 0` too.

    Raises:
        EngineError: a field that the rule reads is no good; `error.data["field"]` names it.
    """

    # How many history blobs there are for each param.
    blobs_per_param: ClassVar[int] = 1
    # Whether a param with `lr_mult: 0` and a history of zeros stays as it is, history too.
    leaves_frozen: ClassVar[bool] = False
    takes_momentum: ClassVar[bool] = True

    def __init__(self, param: SolverParameter, learnables: Sequence[Learnable]) -> None:
        self.param = param
        self.learnables = tuple(learnables)
        self.check()
        self.history = [
            torch.zeros_like(learnable.leaf, requires_grad=False)
            for _ in range(self.blobs_per_param)
            for learnable in self.learnables
        ]
        self._groups = self._grouped()

    def check(self) -> None:
        """Refuse what Caffe refuses."""
        if not self.takes_momentum and self.param.momentum:
            raise EngineError(
                f"momentum cannot be used with {type(self).__name__}", field="momentum"
            )
        kind = self.param.regularization_type
        if self.param.weight_decay and kind not in ("L1", "L2"):
            raise EngineError(
                f"unknown regularization type '{kind}'",
                hint="Caffe has L1 and L2",
                field="regularization_type",
            )

    def check_fraction(self, field: str) -> None:
        """Refuse a field of the solver that is not at least 0 and below 1."""
        value = getattr(self.param, field)
        if not 0 <= value < 1:
            raise EngineError(f"{field} must be at least 0 and below 1, not {value:g}", field=field)

    def restore(self, history: Sequence[Tensor]) -> None:
        """Take over a history: one blob for each of `self.history`, of as many values."""
        for own, given in zip(self.history, history, strict=True):
            own.copy_(given.reshape(own.shape))
        self._groups = self._grouped()

    def apply(self, rate: float, iteration: int) -> Clipped | None:
        """Update the params; their gradients are overwritten.

        `iteration` is the number of updates made before. Says so if gradients were clipped.
        """
        with torch.no_grad():
            clipped = self._clip()
            for group in self._groups:
                gradients = [_gradient(leaf) for leaf in group.leaves]
                self._prepare(group, gradients)
                self.update(group, gradients, _single(rate * group.lr_mult), iteration)
        return clipped

    def update(self, group: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """Update a group of params with prepared gradients."""
        raise NotImplementedError

    def _grouped(self) -> list[Bucket]:
        groups: dict[tuple[float, float], Bucket] = {}
        for index, learnable in enumerate(self.learnables):
            histories = self.history[index :: len(self.learnables)]
            is_frozen = not learnable.lr_mult and not any(map(torch.any, histories))
            if self.leaves_frozen and is_frozen:
                continue
            multipliers = learnable.lr_mult, learnable.decay_mult
            empty = Bucket([], [[] for _ in histories], *multipliers)
            group = groups.setdefault(multipliers, empty)
            group.leaves.append(learnable.leaf)
            for blobs, blob in zip(group.histories, histories, strict=True):
                blobs.append(blob)
        return list(groups.values())

    def _clip(self) -> Clipped | None:
        limit = self.param.clip_gradients
        if limit < 0:
            return None
        gradients = [each.leaf.grad for each in self.learnables if each.leaf.grad is not None]
        norms = torch._foreach_norm(gradients)
        norm = float(torch.linalg.vector_norm(torch.stack(norms))) if norms else 0.0
        # Caffe goes on where the norm is nan, and so does this: the loss tells.
        if not norm > limit:
            return None
        factor = limit / norm
        torch._foreach_mul_(gradients, factor)
        return Clipped(norm, factor)

    def _prepare(self, group: Bucket, gradients: list[Tensor]) -> None:
        """Divide by `iter_size`, and add the weight decay."""
        if self.param.iter_size != 1:
            torch._foreach_mul_(gradients, 1 / self.param.iter_size)
        decay = _single(self.param.weight_decay * group.decay_mult)
        if decay:
            is_l1 = self.param.regularization_type == "L1"
            pull = torch._foreach_sign(group.leaves) if is_l1 else group.leaves
            torch._foreach_add_(gradients, pull, alpha=decay)


class SGD(UpdateRule):
    """h = momentum h + rate g; w -= h."""

    leaves_frozen = True

    def update(self, group: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """One step."""
        (history,) = group.histories
        torch._foreach_mul_(history, self.param.momentum)
        torch._foreach_add_(history, gradients, alpha=rate)
        torch._foreach_sub_(group.leaves, history)


class Nesterov(UpdateRule):
    """h' = momentum h + rate g; w -= (1 + momentum) h' - momentum h."""

    leaves_frozen = True

    def update(self, group: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """One step."""
        (history,) = group.histories
        momentum = self.param.momentum
        torch._foreach_add_(group.leaves, history, alpha=momentum)
        torch._foreach_mul_(history, momentum)
        torch._foreach_add_(history, gradients, alpha=rate)
        torch._foreach_sub_(group.leaves, history, alpha=1 + momentum)


class AdaGrad(UpdateRule):
    """h += g^2; w -= rate g / (sqrt(h) + delta)."""

    takes_momentum = False

    def update(self, group: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """One step."""
        (history,) = group.histories
        torch._foreach_addcmul_(history, gradients, gradients)
        _subtract_scaled(group, gradients, history, self.param.delta, rate)


class RMSProp(UpdateRule):
    """h = decay h + (1 - decay) g^2; w -= rate g / (sqrt(h) + delta)."""

    takes_momentum = False

    def check(self) -> None:
        """Refuse what Caffe refuses."""
        super().check()
        self.check_fraction("rms_decay")

    def update(self, group: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """One step."""
        (history,) = group.histories
        _average_square(history, gradients, self.param.rms_decay)
        _subtract_scaled(group, gradients, history, self.param.delta, rate)


class AdaDelta(UpdateRule):
    """Steps as large as the last ones, by the ratio of two running averages of squares.

    `momentum` is the decay of both averages: of the gradients', and of the steps'.
    """

    blobs_per_param = 2

    def update(self, group: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """One step."""
        squares, steps = group.histories
        delta = self.param.delta
        _average_square(squares, gradients, self.param.momentum)
        ratio = torch._foreach_add(steps, delta)
        torch._foreach_div_(ratio, torch._foreach_add(squares, delta))
        torch._foreach_sqrt_(ratio)
        torch._foreach_mul_(gradients, ratio)
        _average_square(steps, gradients, self.param.momentum)
        torch._foreach_sub_(group.leaves, gradients, alpha=rate)


class Adam(UpdateRule):
    """Running averages of gradients (momentum) and of their squares (momentum2), corrected."""

    blobs_per_param = 2

    def check(self) -> None:
        """Refuse averages that never take in anything."""
        super().check()
        self.check_fraction("momentum")
        self.check_fraction("momentum2")

    def update(self, group: Bucket, gradients: list[Tensor], rate: float, iteration: int) -> None:
        """One step."""
        averages, squares = group.histories
        beta1, beta2 = self.param.momentum, self.param.momentum2
        torch._foreach_mul_(averages, beta1)
        torch._foreach_add_(averages, gradients, alpha=1 - beta1)
        _average_square(squares, gradients, beta2)
        step = iteration + 1
        correction = math.sqrt(1 - beta2**step) / (1 - beta1**step)
        _subtract_scaled(group, averages, squares, self.param.delta, _single(rate * correction))


def _average_square(history: list[Tensor], values: list[Tensor], decay: float) -> None:
    """Let a running average take in the squares of some values."""
    torch._foreach_mul_(history, decay)
    torch._foreach_addcmul_(history, values, values, value=1 - decay)


def _subtract_scaled(
    group: Bucket, values: list[Tensor], squares: list[Tensor], delta: float, rate: float
) -> None:
    """Subtract rate * values / (sqrt(squares) + delta) from the params."""
    divisor = torch._foreach_sqrt(squares)
    torch._foreach_add_(divisor, delta)
    torch._foreach_addcdiv_(group.leaves, values, divisor, value=-rate)


def _single(value: float) -> float:
    """A product as float32 has it, in which torch wants it: perhaps infinite."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def _gradient(leaf: Tensor) -> Tensor:
    if leaf.grad is None:
        leaf.grad = torch.zeros_like(leaf)
    return leaf.grad


_RULES: dict[str, type[UpdateRule]] = {
    rule.__name__: rule for rule in (SGD, Nesterov, AdaGrad, RMSProp, AdaDelta, Adam)
}


def update_rule(param: SolverParameter, learnables: Sequence[Learnable]) -> UpdateRule:
    """The rule that a solver names by `type`, or by the old `solver_type`.

    Raises:
        EngineError: it names none of Caffe's, or both ways at once, or a field that the rule
            reads is no good; `error.data["field"]` is the field.
    """
    name = solver_type(param)
    if name not in _RULES:
        hint = did_you_mean(name, _RULES) or f"Caffe has {', '.join(_RULES)}"
        raise EngineError(f"unknown solver type '{name}'", hint=hint, field="type")
    return _RULES[name](param, learnables)


def solver_type(param: SolverParameter) -> str:
    """The type that a solver names, whichever way.

    Raises:
        EngineError: it names one both ways.
    """
    if not param.HasField("solver_type"):
        return param.type
    if param.HasField("type"):
        raise EngineError(
            "solver_type and type cannot both be given",
            hint="solver_type is the older form of type: leave it out",
            field="solver_type",
        )
    numbers = schema.enum_values("SolverParameter.SolverType")
    return next(name for name in _RULES if numbers[name.upper()] == param.solver_type)
