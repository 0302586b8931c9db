"""Fuses a BatchNorm with global statistics and the in-place Scale above it into one layer.

Without a graph, the blob is then written twice instead of four times. The mean is subtracted
first: folded into the weights of a convolution, or expanded into a single sum, a large mean
would cost digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.layers.batch_norm import BatchNorm
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.layers.scaling import Scale
from ssdh_surgery.engines.torch.net.plan import LayerStep


def fuse_scales(steps: Sequence[LayerStep]) -> list[LayerStep]:
    """The steps, with one step for each BatchNorm and Scale that can be fused."""
    result: list[LayerStep] = []
    for step in steps:
        previous = result[-1] if result else None
        if previous is not None and _can_fuse(previous, step):
            fused = _BatchNormScale(previous.layer, step.layer)
            result[-1] = replace(previous, layer=fused, needs_backward=step.needs_backward)
        else:
            result.append(step)
    return result


def _can_fuse(previous: LayerStep, step: LayerStep) -> bool:
    norm, scale = previous.layer, step.layer
    return (
        isinstance(norm, BatchNorm)
        and isinstance(scale, Scale)
        and norm.uses_global_stats
        and step.bottoms == step.tops == previous.tops
        and len(scale.params[0].shape) == 1
        and scale.start == 1
        and not any(previous.loss_weights + step.loss_weights)
        # The gradient flows down as it would through both.
        and step.propagate_down == [previous.needs_backward]
    )


class _BatchNormScale(TorchLayer):
    """A BatchNorm followed by a Scale."""

    def __init__(self, norm: TorchLayer, scale: TorchLayer) -> None:
        super().__init__(scale.param, scale.context, scale.view)
        assert isinstance(norm, BatchNorm)
        assert isinstance(scale, Scale)
        self._norm, self._scale = norm, scale

    def shape_tops(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The shape of the bottom, which both layers preserve."""
        return self._scale.shape_tops(self._norm.shape_tops(bottom_shapes))

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The scaled values; with a graph, layer by layer, since it needs the unscaled ones."""
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
