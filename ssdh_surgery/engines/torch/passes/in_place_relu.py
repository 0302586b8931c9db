"""Runs in-place ReLU layers truly in place.

The plan gives every layer tops of its own, since the layer below may need its top again for its
gradient. Most layers below a ReLU do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.engines.torch.layers.activations import ReLU
from ssdh_surgery.engines.torch.layers.convolution import Convolution
from ssdh_surgery.engines.torch.layers.inner_product import InnerProduct
from ssdh_surgery.engines.torch.layers.joining import Concat, Eltwise
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.layers.scaling import Bias, Scale
from ssdh_surgery.engines.torch.net.plan import LayerStep

# Layers that always write new memory, and whose gradients do not read it.
_NO_REREAD = (Convolution, InnerProduct, Scale, Bias, Concat)


def rectify_in_place(steps: Sequence[LayerStep]) -> list[LayerStep]:
    """The steps, with ReLUs that overwrite their bottom where nothing reads it again."""
    writers: dict[int, TorchLayer] = {}
    result = []
    for step in steps:
        if _may_overwrite(step, writers):
            layer = step.layer
            step = replace(step, layer=_InPlaceReLU(layer.param, layer.context, layer.view))
        result.append(step)
        writers.update(dict.fromkeys(step.tops, step.layer))
    return result


def _may_overwrite(step: LayerStep, writers: dict[int, TorchLayer]) -> bool:
    layer = step.layer
    if not isinstance(layer, ReLU) or step.bottoms != step.tops or step.content is not None:
        return False
    # The gradient is computed from the top, which must have the sign of the bottom.
    if layer.param.relu_param.negative_slope < 0:
        return False
    writer = writers.get(step.bottoms[0])
    if isinstance(writer, Eltwise):
        return writer.operation == "SUM"
    return isinstance(writer, _NO_REREAD)


class _InPlaceReLU(ReLU):
    """A ReLU that overwrites its bottom."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        slope = self.param.relu_param.negative_slope
        return [F.leaky_relu_(bottoms[0], slope) if slope else F.relu_(bottoms[0])]
