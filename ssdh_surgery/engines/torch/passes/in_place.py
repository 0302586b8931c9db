"""ReLU layers that Caffe runs in place, in place here too.

The plan gives every layer tops of their own, since a layer below may need its top again for
its gradient. Below most ReLU layers is one that does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.engines.torch.layers.activations import ReLU
from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.convolution import Convolution
from ssdh_surgery.engines.torch.layers.inner_product import InnerProduct
from ssdh_surgery.engines.torch.layers.joining import Concat, Eltwise
from ssdh_surgery.engines.torch.layers.scaling import Bias, Scale
from ssdh_surgery.engines.torch.net.plan import Step

# Layers that always give new memory, and whose gradients do without what is in it.
_FORGETFUL = (Convolution, InnerProduct, Scale, Bias, Concat)


def rectify_in_place(steps: Sequence[Step]) -> list[Step]:
    """The steps, with ReLUs that overwrite their bottom wherever nobody needs it."""
    writers: dict[int, Layer] = {}
    result = []
    for step in steps:
        if _may_overwrite(step, writers):
            layer = step.layer
            step = replace(step, layer=_InPlaceReLU(layer.param, layer.setting, layer.view))
        result.append(step)
        writers.update(dict.fromkeys(step.tops, step.layer))
    return result


def _may_overwrite(step: Step, writers: dict[int, Layer]) -> bool:
    layer = step.layer
    if not isinstance(layer, ReLU) or step.bottoms != step.tops or step.content is not None:
        return False
    # The gradient is taken at the top: its sign must be the bottom's.
    if layer.param.relu_param.negative_slope < 0:
        return False
    writer = writers.get(step.bottoms[0])
    if isinstance(writer, Eltwise):
        return writer.operation == "SUM"
    return isinstance(writer, _FORGETFUL)


class _InPlaceReLU(ReLU):
    """ReLU that writes over its bottom."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        slope = self.param.relu_param.negative_slope
        return [F.leaky_relu_(bottoms[0], slope) if slope else F.relu_(bottoms[0])]
