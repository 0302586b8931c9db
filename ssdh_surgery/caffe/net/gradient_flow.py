"""Where the gradient flows: which layers run backward, and to which bottoms.

The rules are those of `Net::Init` in Caffe's net.cpp: upwards from the learned params, downwards
from the losses, subject to `propagate_down`. The refusals are those of each layer's `Backward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

_NO_GRADIENT = frozenset(["Accuracy", "ArgMax", "Threshold"])
_LABEL_LOSSES = frozenset(
    [
        "HingeLoss",
        "InfogainLoss",
        "MultinomialLogisticLoss",
        "SigmoidCrossEntropyLoss",
        "SoftmaxWithLoss",
    ]
)


@dataclass
class FlowStep:
    """A layer with the blobs that it reads and writes, by number.

    Attributes:
        bottoms: the blobs that it reads.
        tops: the blobs that it writes.
        loss_weights: the weight of each top in the loss.
        learns: for each param, whether it is learned.
        explicit: its `propagate_down`; empty where the text has none.
        needs_backward: the result: whether its backward pass runs.
        propagate_down: the result: which bottoms get a gradient.
    """

    bottoms: Sequence[int]
    tops: Sequence[int]
    loss_weights: list[float]
    learns: Sequence[bool]
    explicit: Sequence[bool] = ()
    needs_backward: bool = False
    propagate_down: list[bool] = field(default_factory=list)


def set_gradient_flow(steps: Sequence[FlowStep], blobs: int) -> None:
    """Set the results of the steps of a net with a number of blobs, each with one reader."""
    needs_gradient = [False] * blobs
    for step in steps:
        _spread_upwards(step, needs_gradient)
    under_loss: set[int] = set()
    skipped: set[int] = set()
    for step in reversed(steps):
        _restrict_to_losses(step, under_loss, skipped)


def _spread_upwards(step: FlowStep, needs_gradient: list[bool]) -> None:
    """A layer needs its backward pass for its own params, or for those of layers below."""
    step.needs_backward = any(needs_gradient[number] for number in step.bottoms)
    step.propagate_down = [needs_gradient[number] for number in step.bottoms]
    if step.explicit:
        step.propagate_down = list(step.explicit)
    step.needs_backward |= any(step.learns)
    if step.needs_backward:
        for number in step.tops:
            needs_gradient[number] = True


def _restrict_to_losses(step: FlowStep, under_loss: set[int], skipped: set[int]) -> None:
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


def gradient_refusal(layer_type: str, propagate_down: Sequence[bool]) -> str | None:
    """Why Caffe stops when a layer has to pass these gradients down; None where it does not.

    >>> gradient_refusal("SoftmaxWithLoss", [True, True])
    'SoftmaxWithLoss Layer cannot backpropagate to label inputs.'
    """
    if layer_type in _NO_GRADIENT and any(propagate_down):
        return "has no gradient: nothing below it can be trained through it"
    if layer_type in _LABEL_LOSSES and any(propagate_down[1:2]):
        return f"{layer_type} Layer cannot backpropagate to label inputs."
    if layer_type == "InfogainLoss" and any(propagate_down[2:]):
        return f"{layer_type} Layer cannot backpropagate to infogain inputs."
    if layer_type == "Embed" and any(propagate_down):
        return "Can't backpropagate to EmbedLayer input."
    if layer_type == "Filter" and any(propagate_down[-1:]):
        return "FilterLayer cannot backpropagate to filter index inputs"
    if layer_type == "BatchReindex" and any(propagate_down[1:]):
        return "Cannot backprop to index."
    if layer_type in ("LSTM", "RNN") and any(propagate_down[1:2]):
        return "Cannot backpropagate to sequence indicators."
    return None
