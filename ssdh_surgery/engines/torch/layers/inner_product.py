"""Inner products with learned vectors: fully connected layers, and look-ups (Embed)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ssdh_surgery.engines.torch.blob import Shape
from ssdh_surgery.engines.torch.layers.base import Layer, count


class InnerProduct(Layer):
    """Every axis from `axis` on is flattened and multiplied with the weights."""

    exact_bottoms = 1
    exact_tops = 1

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Make the weights, outputs first (last with `transpose`), and the bias."""
        product = self.param.inner_product_param
        inputs = count(bottom_shapes[0], self.axis(product.axis, bottom_shapes[0]))
        outputs = product.num_output
        self.check(outputs > 0, "num_output must be above 0.")
        shape = (inputs, outputs) if product.transpose else (outputs, inputs)
        self.add_param(shape, product.weight_filler)
        if product.bias_term:
            self.add_param((outputs,), product.bias_filler)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The axes before `axis`, and one of the outputs."""
        product, shape = self.param.inner_product_param, bottom_shapes[0]
        self.start = self.axis(product.axis, shape)
        inputs = self.params[0].shape[0 if product.transpose else 1]
        self.check(
            count(shape, self.start) == inputs,
            "Input size incompatible with inner product parameters.",
        )
        return [(*shape[: self.start], product.num_output)]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The products."""
        product = self.param.inner_product_param
        weight = self.weight(0).t() if product.transpose else self.weight(0)
        bias = self.weight(1) if product.bias_term else None
        lead = bottoms[0].shape[: self.start]
        return [F.linear(bottoms[0].reshape(*lead, weight.shape[1]), weight, bias)]


class Embed(Layer):
    """The row of the weights that each value of the bottom names."""

    exact_bottoms = 1
    exact_tops = 1
    blind_bottoms = frozenset({0})

    def layer_setup(self, bottom_shapes: Sequence[Shape]) -> None:
        """Make the rows and the bias."""
        embed = self.param.embed_param
        self.check(embed.num_output > 0, "EmbedLayer num_output must be positive.")
        self.check(embed.input_dim > 0, "EmbedLayer input_dim must be positive.")
        self.add_param((embed.input_dim, embed.num_output), embed.weight_filler)
        if embed.bias_term:
            self.add_param((embed.num_output,), embed.bias_filler)

    def reshape(self, bottom_shapes: Sequence[Shape]) -> list[Shape]:
        """The bottom's axes, and one of the outputs."""
        return [(*bottom_shapes[0], self.param.embed_param.num_output)]

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The rows."""
        rows = self.weight(0)
        index = bottoms[0].detach().long()
        if index.numel() and not 0 <= int(index.min()) <= int(index.max()) < len(rows):
            self.fail(
                f"takes values from 0 to {len(rows) - 1}, the bottom has "
                f"{int(index.min())} to {int(index.max())}"
            )
        top = F.embedding(index, rows)
        return [top + self.weight(1) if self.param.embed_param.bias_term else top]

    def refuse_backward(self, propagate_down: Sequence[bool]) -> None:
        """Refuse a gradient for the bottom."""
        self.check(not propagate_down[0], "Can't backpropagate to EmbedLayer input.")
