"""A BatchNorm with global statistics and the Scale upon it, as one layer that makes one blob.

Without a graph a blob is written twice, and not four times. The mean is taken off first: in a
convolution's weights, or multiplied out into one sum, digits would be lost where it is large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.batch_norm import BatchNorm
from ssdh_surgery.engines.torch.layers.blob import Shape
from ssdh_surgery.engines.torch.layers.scaling import Scale
from ssdh_surgery.engines.torch.net.plan import Step


def join_scales(steps: Sequence[Step]) -> list[Step]:
    """The steps, with one for each BatchNorm and Scale in place that go together."""
    result: list[Step] = []
    for step in steps:
        below = result[-1] if result else None
        if below is not None and _go_together(below, step):
            joined = _NormAndScale(below.layer, step.layer)
            result[-1] = replace(below, layer=joined, needs_backward=step.needs_backward)
        else:
            result.append(step)
    return result


def _go_together(below: Step, step: Step) -> bool:
    norm, scale = below.layer, step.layer
    return (
        isinstance(norm, BatchNorm)
        and isinstance(scale, Scale)
        and norm.uses_global_stats
        and step.bottoms == step.tops == below.tops
        and len(scale.params[0].shape) == 1
        and scale.start == 1
        and not any(below.loss_weights + step.loss_weights)
        # The gradient goes on down as it would through both.
        and step.propagate_down == [below.needs_backward]
    )


class _NormAndScale(Layer):
    """The two layers, one after the other."""

    def __init__(self, norm: Layer, scale: Layer) -> None:
        super().__init__(scale.param, scale.setting, scale.view)
        assert isinstance(norm, BatchNorm)
        assert isinstance(scale, Scale)
        self._norm, self._scale = norm, scale

    def shape_tops(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The bottom's shape, which both take."""
        return self._scale.shape_tops(self._norm.shape_tops(bottom_shapes))

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The scaled values; with a graph as ever, since it needs those that are not scaled."""
        if torch.is_grad_enabled():
            return self._scale.forward(self._norm.forward(bottoms))
        mean, variance = self._norm.global_stats()
        factor = self._scale.weight(0) / (variance + self._norm.param.batch_norm_param.eps).sqrt()
        shape = [-1] + [1] * (bottoms[0].dim() - 2)
        top = bottoms[0] - mean.view(shape)
        if not self._scale.param.scale_param.bias_term:
            return [top.mul_(factor.view(shape))]
        bias = self._scale.weight(1).view(shape)
        return [torch.addcmul(bias, top, factor.view(shape), out=top)]
