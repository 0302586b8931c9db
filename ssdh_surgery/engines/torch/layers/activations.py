"""Activations: a function of each value by itself, and dropout."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.engines.torch.layers.base import NeuronLayer
from ssdh_surgery.engines.torch.layers.blob import Shape


class ReLU(NeuronLayer):
    """max(0, x), with a slope for negative values where `negative_slope` gives one."""

    rereads_bottom = True

    @property
    def is_exact_in_place(self) -> bool:
        """A top has the sign of its bottom."""
        return self.param.relu_param.negative_slope >= 0

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        slope = self.param.relu_param.negative_slope
        return [F.leaky_relu(bottoms[0], slope) if slope else F.relu(bottoms[0])]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from what the blobs hold."""
        return top_diff * torch.where(bottom > 0, 1.0, self.param.relu_param.negative_slope)


class PReLU(NeuronLayer):
    """ReLU whose negative slope is learned, for each channel or for all (`channel_shared`)."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Make the slopes; 0.25 where no filler is given."""
        prelu = self.param.prelu_param
        filler = prelu.filler
        if not prelu.HasField("filler"):
            filler = type(filler)(type="constant", value=0.25)
        self.add_param(self.param_shapes[0], filler)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check that there is a slope for each channel."""
        self.check(
            self.params[0].shape == self.param_shapes[0],
            "Negative slope size is inconsistent with prototxt config",
        )

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [F.prelu(bottoms[0], self.weight(0).view(-1))]


class ELU(NeuronLayer):
    """x above zero, `alpha` * (exp(x) - 1) below."""

    rereads_bottom = True
    rereads_top = True

    @property
    def is_exact_in_place(self) -> bool:
        """A top has the sign of its bottom."""
        return self.param.elu_param.alpha >= 0

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [F.elu(bottoms[0], self.param.elu_param.alpha)]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from what the blobs hold."""
        return top_diff * torch.where(bottom > 0, 1.0, self.param.elu_param.alpha + top)


class Sigmoid(NeuronLayer):
    """1 / (1 + exp(-x))."""

    rereads_top = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [torch.sigmoid(bottoms[0])]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from what the blobs hold."""
        return top_diff * top * (1 - top)


class TanH(NeuronLayer):
    """The hyperbolic tangent."""

    rereads_top = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [torch.tanh(bottoms[0])]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from what the blobs hold."""
        return top_diff * (1 - top.square())


class BNLL(NeuronLayer):
    """log(1 + exp(x))."""

    rereads_bottom = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [F.softplus(bottoms[0], threshold=50)]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from what the blobs hold."""
        return top_diff * torch.sigmoid(bottom)


class Swish(NeuronLayer):
    """x * sigmoid(`beta` * x)."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [bottoms[0] * torch.sigmoid(self.param.swish_param.beta * bottoms[0])]


class Clip(NeuronLayer):
    """Values kept between `min` and `max`."""

    rereads_bottom = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The clipped values."""
        clip = self.param.clip_param
        return [bottoms[0].clamp(clip.min, clip.max)]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from what the blobs hold."""
        clip = self.param.clip_param
        return top_diff * ((bottom >= clip.min) & (bottom <= clip.max))


class Dropout(NeuronLayer):
    """In TRAIN, zeros with the probability `dropout_ratio` and the rest scaled up."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check the ratio."""
        ratio = self.param.dropout_param.dropout_ratio
        self.check(0 <= ratio < 1, f"dropout_ratio must be at least 0 and below 1, not {ratio:g}")

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The values that are left; in TEST all of them."""
        if self.phase != "TRAIN":
            return [bottoms[0].clone()]
        kept = 1 - self.param.dropout_param.dropout_ratio
        mask = torch.empty_like(bottoms[0]).bernoulli_(kept, generator=self.setting.generator)
        return [bottoms[0] * mask.div_(kept)]
