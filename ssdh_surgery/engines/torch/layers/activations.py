"""Activations: element-wise functions, and dropout."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.layers.layer import TorchLayer


class ReLU(TorchLayer):
    """max(0, x), or with a slope for negative values (`negative_slope`)."""

    rereads_bottom = True

    @property
    def is_exact_in_place(self) -> bool:
        """The top has the sign of its bottom."""
        return self.param.relu_param.negative_slope >= 0

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        slope = self.param.relu_param.negative_slope
        return [F.leaky_relu(bottoms[0], slope) if slope else F.relu(bottoms[0])]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        return top_diff * torch.where(bottom > 0, 1.0, self.param.relu_param.negative_slope)


class ReLU6(TorchLayer):
    """min(max(0, x), 6), of the forks that run MobileNets."""

    rereads_bottom = True
    # A value that was cut is 0 or 6 afterwards, where the gradient is 0.
    is_exact_in_place = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [F.relu6(bottoms[0])]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        return top_diff * ((bottom > 0) & (bottom < 6))


class PReLU(TorchLayer):
    """ReLU with a learned negative slope, per channel or for all of them (`channel_shared`)."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Create the slopes: 0.25 by default."""
        prelu = self.param.prelu_param
        filler = prelu.filler
        if not prelu.HasField("filler"):
            filler = type(filler)(type="constant", value=0.25)
        self.add_param(self.param_shapes[0], filler)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check that there is one slope per channel."""
        self.check(
            self.params[0].shape == self.param_shapes[0],
            "Negative slope size is inconsistent with prototxt config",
        )

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [F.prelu(bottoms[0], self.weight(0).view(-1))]


class ELU(TorchLayer):
    """x if positive, else `alpha` * (exp(x) - 1)."""

    rereads_bottom = True
    rereads_top = True

    @property
    def is_exact_in_place(self) -> bool:
        """The top has the sign of its bottom."""
        return self.param.elu_param.alpha >= 0

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [F.elu(bottoms[0], self.param.elu_param.alpha)]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        return top_diff * torch.where(bottom > 0, 1.0, self.param.elu_param.alpha + top)


class Sigmoid(TorchLayer):
    """1 / (1 + exp(-x))."""

    rereads_top = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [torch.sigmoid(bottoms[0])]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        return top_diff * top * (1 - top)


class TanH(TorchLayer):
    """The hyperbolic tangent."""

    rereads_top = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [torch.tanh(bottoms[0])]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        return top_diff * (1 - top.square())


class BNLL(TorchLayer):
    """log(1 + exp(x))."""

    rereads_bottom = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [F.softplus(bottoms[0], threshold=50)]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        return top_diff * torch.sigmoid(bottom)


class Swish(TorchLayer):
    """x * sigmoid(`beta` * x)."""

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The activations."""
        return [bottoms[0] * torch.sigmoid(self.param.swish_param.beta * bottoms[0])]


class Clip(TorchLayer):
    """Values clipped to the range from `min` to `max`."""

    rereads_bottom = True

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The clipped values."""
        clip = self.param.clip_param
        return [bottoms[0].clamp(clip.min, clip.max)]

    def gradient(self, top_diff: Tensor, bottom: Tensor, top: Tensor) -> Tensor:
        """The bottom's diff from the current contents of the blobs."""
        clip = self.param.clip_param
        return top_diff * ((bottom >= clip.min) & (bottom <= clip.max))


class Dropout(TorchLayer):
    """In TRAIN, zeroes values with probability `dropout_ratio` and scales up the others."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check the ratio."""
        ratio = self.param.dropout_param.dropout_ratio
        self.check(0 <= ratio < 1, f"dropout_ratio must be at least 0 and below 1, not {ratio:g}")

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The remaining values; in TEST, all of them."""
        if self.phase != "TRAIN":
            return [bottoms[0].clone()]
        keep_ratio = 1 - self.param.dropout_param.dropout_ratio
        mask = torch.empty_like(bottoms[0]).bernoulli_(keep_ratio, generator=self.context.generator)
        return [bottoms[0] * mask.div_(keep_ratio)]
