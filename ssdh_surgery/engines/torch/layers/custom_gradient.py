"""A value with a gradient of our own, where Caffe's gradient is not the one of autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def with_gradient(
    value: Tensor, inputs: Sequence[Tensor], gradients: Callable[[], Sequence[Tensor]]
) -> Tensor:
    """`value` with a custom gradient: the top's diff times `gradients()`, one per input.

    `gradients` is called only where a gradient may be needed. `value` needs no graph.
    """
    if not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)):
        return value.detach()
    with torch.no_grad():
        factors = gradients()
    apply: Any = _CustomGradient.apply
    result: Tensor = apply(value.detach(), factors, *inputs)
    return result


class _CustomGradient(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, value: Tensor, factors: Sequence[Tensor], *inputs: Tensor) -> Tensor:
        context.save_for_backward(*factors)
        return value.clone()

    @staticmethod
    def backward(context: Any, top_diff: Tensor) -> tuple[Tensor | None, ...]:
        pairs = zip(context.saved_tensors, context.needs_input_grad[2:], strict=True)
        return (
            None,
            None,
            *(top_diff * factor if is_needed else None for factor, is_needed in pairs),
        )
