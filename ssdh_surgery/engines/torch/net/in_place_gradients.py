"""Caffe's gradients where an in-place layer has overwritten what the backward pass reads.

Caffe's layers read their bottoms and tops again in the backward pass. If an in-place layer has
overwritten them, Caffe computes the gradient from the new values: a sigmoid below an in-place
dropout, for example, does not get its mathematical gradient. We compute the same numbers as
Caffe, so that a training run can move between engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.net.plan import BlobContent, LayerStep


class _RereadingLayer(Protocol):
    """A layer with one bottom and one top that defines Caffe's backward pass."""

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        ...


def find_overwritten(steps: Sequence[LayerStep]) -> dict[int, BlobContent]:
    """The blobs, by number, that a backward pass finds overwritten; sets the step's `content`."""
    contents: dict[int, BlobContent] = {}
    writers: dict[int, list[LayerStep]] = {}
    for step in steps:
        for number in step.tops:
            writers.setdefault(number, []).append(step)
    for number, chain in writers.items():
        for step in chain:
            if _finds_overwritten(step.layer, is_last=step is chain[-1]):
                step.content = contents.setdefault(number, BlobContent())
    return contents


def _finds_overwritten(layer: TorchLayer, is_last: bool) -> bool:
    """Whether a layer that writes a blob finds other contents there in its backward pass."""
    is_in_place = list(layer.param.bottom) == list(layer.param.top)
    if is_in_place and layer.is_wrong_in_place:
        return False
    if is_last:
        return is_in_place and layer.rereads_bottom and not layer.is_exact_in_place
    return layer.rereads_top or (is_in_place and layer.rereads_bottom)


def forward(step: LayerStep, bottoms: Sequence[Tensor]) -> Sequence[Tensor | None]:
    """Run a layer's forward pass, with the gradient that Caffe would compute."""
    layer, content = step.layer, step.content
    if content is None or not (torch.is_grad_enabled() and bottoms[0].requires_grad):
        return layer.forward(bottoms)
    with torch.no_grad():
        (value,) = layer.forward([bottoms[0].detach()])
    apply: Any = _RereadFunction.apply
    is_in_place = step.bottoms == step.tops
    return [apply(bottoms[0], value, layer, content, is_in_place)]


class _RereadFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        context: Any,
        bottom: Tensor,
        value: Tensor,
        layer: _RereadingLayer,
        content: BlobContent,
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
