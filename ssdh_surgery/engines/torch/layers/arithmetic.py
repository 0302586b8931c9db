"""Arithmetic on each value by itself: powers, exponentials, logarithms, absolute values."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import NeuronLayer


class AbsVal(NeuronLayer):
    """The absolute value."""

    allows_in_place = False

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The absolute values."""
        return [bottoms[0].abs()]


class Power(NeuronLayer):
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
        """The bottom's diff from what the blobs hold."""
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


class Threshold(NeuronLayer):
    """1 where x is strictly above `threshold`, else 0."""

    has_gradient = False

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """Ones and zeros."""
        return [(bottoms[0] > self.param.threshold_param.threshold).float()]


class Exp(NeuronLayer):
    """`base` ^ (`shift` + `scale` * x); a base of -1 is e."""

    rereads_top = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The exponentials."""
        param = self.param.exp_param
        log_base = 1.0 if param.base == -1 else math.log(param.base)
        result = torch.exp(bottoms[0] * (log_base * param.scale))
        if param.shift == 0:
            return [result]
        # Apart from the exponential, as in Caffe: either of them may be inf.
        return [result * torch.tensor(log_base * param.shift).exp()]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from what the blobs hold."""
        param = self.param.exp_param
        log_base = 1.0 if param.base == -1 else math.log(param.base)
        return top_diff * top * (log_base * param.scale)


class Log(NeuronLayer):
    """The logarithm of `shift` + `scale` * x to a `base`; a base of -1 is e."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The logarithms."""
        param = self.param.log_param
        log_base = 1.0 if param.base == -1 else math.log(param.base)
        return [torch.log(bottoms[0] * param.scale + param.shift) / log_base]
