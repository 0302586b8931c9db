"""Where the gradient flows: which layers run backward, and to which bottoms.

The rules are those of `Net::Init` in Caffe's net.cpp: upwards from the learned params, downwards
from the losses, subject to `propagate_down`, and everywhere with `force_backward`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ssdh_surgery.engines.torch.net.params import lr_mult
from ssdh_surgery.engines.torch.net.plan import LayerStep


def set_gradient_flow(steps: Sequence[LayerStep], blobs: int, force: bool) -> None:
    """Set `needs_backward` and `propagate_down` of every step and of its layer's params."""
    needs_gradient = [False] * blobs
    for step in steps:
        _spread_upwards(step, needs_gradient)
    under_loss: set[int] = set()
    skipped: set[int] = set()
    for step in reversed(steps):
        _restrict_to_losses(step, under_loss, skipped)
    if force:
        for step in steps:
            step.needs_backward = True
            step.propagate_down = [
                needed or step.layer.takes_gradient(index)
                for index, needed in enumerate(step.propagate_down)
            ]
            step.layer.param_propagate_down = [True] * len(step.layer.params)


def _spread_upwards(step: LayerStep, needs_gradient: list[bool]) -> None:
    """A layer needs its backward pass for its own params, or for those of layers below."""
    layer = step.layer
    step.needs_backward = any(needs_gradient[number] for number in step.bottoms)
    step.propagate_down = [needs_gradient[number] for number in step.bottoms]
    if layer.param.propagate_down:
        step.propagate_down = list(layer.param.propagate_down)
    layer.param_propagate_down = [lr_mult(layer, i) != 0 for i in range(len(layer.params))]
    step.needs_backward |= any(layer.param_propagate_down)
    if step.needs_backward:
        for number in step.tops:
            needs_gradient[number] = True


def _restrict_to_losses(step: LayerStep, under_loss: set[int], skipped: set[int]) -> None:
    """Of these, only layers run that contribute to a loss and are not cut off from it."""
    contributes = False
    is_cut_off = True
    for number, weight in zip(step.tops, step.loss_weights, strict=True):
        contributes |= bool(weight) or number in under_loss
        is_cut_off &= number in skipped
    if step.needs_backward and is_cut_off:
        step.needs_backward = False
        step.propagate_down = [False] * len(step.bottoms)
    if not contributes:
        step.needs_backward = False
        step.propagate_down = [False] * len(step.bottoms)
    for number, is_needed in zip(step.bottoms, step.propagate_down, strict=True):
        if contributes:
            under_loss.add(number)
        if not is_needed:
            skipped.add(number)
