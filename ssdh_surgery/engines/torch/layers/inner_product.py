"""Products with a learned matrix: fully connected layers, and look-ups (Embed)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.torch.layers.layer import TorchLayer


class InnerProduct(TorchLayer):
    """Flattens the axes from `axis` on and multiplies them by the weights."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Create the weights, [outputs, inputs] (transposed with `transpose`), and the bias."""
        product = self.param.inner_product_param
        fillers = product.weight_filler, product.bias_filler
        for shape, filler in zip(self.param_shapes, fillers, strict=False):
            self.add_param(shape, filler)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> None:
        """Check that the weights match the bottom."""
        self.start = self.axis(self.param.inner_product_param.axis, bottom_shapes[0])
        self.check(
            self.params[0].shape == self.param_shapes[0],
            "Input size incompatible with inner product parameters.",
        )

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The products."""
        product = self.param.inner_product_param
        weight = self.weight(0).t() if product.transpose else self.weight(0)
        bias = self.weight(1) if product.bias_term else None
        lead = bottoms[0].shape[: self.start]
        return [F.linear(bottoms[0].reshape(*lead, weight.shape[1]), weight, bias)]


class Embed(TorchLayer):
    """Looks up the row of the weights for each value of the bottom."""

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Create the rows and the bias."""
        embed = self.param.embed_param
        for shape, filler in zip(
            self.param_shapes, (embed.weight_filler, embed.bias_filler), strict=False
        ):
            self.add_param(shape, filler)

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The rows."""
        rows = self.weight(0)
        index = bottoms[0].detach().long()
        if index.numel() and not 0 <= int(index.min()) <= int(index.max()) < len(rows):
            self.fail(
                f"takes values from 0 to {len(rows) - 1}, but the bottom's are from "
                f"{int(index.min())} to {int(index.max())}"
            )
        top = F.embedding(index, rows)
        return [top + self.weight(1) if self.param.embed_param.bias_term else top]
