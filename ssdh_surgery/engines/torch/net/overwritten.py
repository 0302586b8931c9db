"""Gradients where a layer in place has written over what the backward pass reads.

Caffe's layers read their bottoms and tops again when they go backward. If a layer in place has
written over these meanwhile, Caffe's gradient is taken at the new values: a sigmoid below a
dropout in place, say, has another gradient than its mathematical one. A training run gets the
numbers that Caffe gives, so that it can move between engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.net.plan import Content, Step


class _Rereading(Protocol):
    """A layer of one bottom and one top that says how Caffe's backward pass goes."""

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from what the blobs hold."""
        ...


def find_overwritten(steps: Sequence[Step]) -> dict[int, Content]:
    """The blobs, by number, that a layer's backward pass finds changed; tells the steps."""
    contents: dict[int, Content] = {}
    writers: dict[int, list[Step]] = {}
    for step in steps:
        for number in step.tops:
            writers.setdefault(number, []).append(step)
    for number, chain in writers.items():
        for step in chain:
            if _finds_changed(step.layer, is_last=step is chain[-1]):
                step.content = contents.setdefault(number, Content())
    return contents


def _finds_changed(layer: Layer, is_last: bool) -> bool:
    """Whether a layer that writes a blob reads something else there when it goes backward."""
    in_place = list(layer.param.bottom) == list(layer.param.top)
    if in_place and layer.is_wrong_in_place:
        return False
    if is_last:
        return in_place and layer.rereads_bottom and not layer.is_exact_in_place
    return layer.rereads_top or (in_place and layer.rereads_bottom)


def forward(step: Step, bottoms: Sequence[Tensor]) -> Sequence[Tensor | None]:
    """A layer's forward pass, with the gradient that Caffe would find."""
    layer, content = step.layer, step.content
    if content is None or not (torch.is_grad_enabled() and bottoms[0].requires_grad):
        return layer.forward(bottoms)
    with torch.no_grad():
        (value,) = layer.forward([bottoms[0].detach()])
    apply: Any = _Reread.apply
    is_in_place = step.bottoms == step.tops
    return [apply(bottoms[0], value, layer, content, is_in_place)]


class _Reread(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        bottom: Tensor,
        value: Tensor,
        layer: _Rereading,
        content: Content,
        is_in_place: bool,
    ) -> Tensor:
        context.layer, context.content, context.is_in_place = layer, content, is_in_place
        context.save_for_backward(*([] if is_in_place else [bottom]))
        return value

    @staticmethod
    def backward(context: Any, top_diff: Tensor) -> tuple[Tensor | None, ...]:
        top = context.content.tensor
        bottom = top if context.is_in_place else context.saved_tensors[0]
        return context.layer.gradient(top_diff, bottom, top), None, None, None, None
