"""Element-wise arithmetic: powers, exponentials, logarithms, absolute values, thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.layer import TorchLayer


class AbsVal(TorchLayer):
    """The absolute value."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The absolute values."""
        return [bottoms[0].abs()]


class Power(TorchLayer):
    """(`shift` + `scale` * x) ^ `power`."""

    rereads_top = True
    is_wrong_in_place = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The powers."""
        param = self.param.power_param
        power, scale, shift = param.power, param.scale, param.shift
        if not power * scale:
            return [torch.full_like(bottoms[0], shift).pow(power)]
        result = bottoms[0]
        if scale != 1:
            result = result * scale
        if shift != 0:
            result = result + shift
        return [result.square() if power == 2 else result**power if power != 1 else result.clone()]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        param = self.param.power_param
        slope = param.power * param.scale
        if slope == 0 or param.power == 1:
            return top_diff * slope
        base = param.shift + param.scale * bottom
        if param.power == 2:
            return top_diff * slope * base
        if param.shift == 0:
            return top_diff * param.power * top / bottom
        return top_diff * slope * top / base


class Threshold(TorchLayer):
    """1 if x is strictly above `threshold`, else 0."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """Ones and zeros."""
        return [(bottoms[0] > self.param.threshold_param.threshold).float()]


class Exp(TorchLayer):
    """`base` ^ (`shift` + `scale` * x); a base of -1 is e."""

    rereads_top = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The exponentials."""
        param = self.param.exp_param
        log_base = 1.0 if param.base == -1 else math.log(param.base)
        result = torch.exp(bottoms[0] * (log_base * param.scale))
        if param.shift == 0:
            return [result]
        # A separate factor, as in Caffe: either of the two may be inf.
        return [result * torch.tensor(log_base * param.shift).exp()]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        param = self.param.exp_param
        log_base = 1.0 if param.base == -1 else math.log(param.base)
        return top_diff * top * (log_base * param.scale)


class Log(TorchLayer):
    """The logarithm of `shift` + `scale` * x to the base `base`; a base of -1 is e."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The logarithms."""
        param = self.param.log_param
        log_base = 1.0 if param.base == -1 else math.log(param.base)
        return [torch.log(bottoms[0] * param.scale + param.shift) / log_base]
