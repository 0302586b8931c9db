"""The two custom losses of the SSDH authors' fork, which stock layers can replace.

Both read one blob twice, with `propagate_down: 1 propagate_down: 0`; without these, the gradient
is counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ssdh_surgery.engines.torch.layers.custom_gradient import with_gradient
from ssdh_surgery.engines.torch.layers.loss import LossLayer


class _DistanceFromHalf(LossLayer):
    """A factor times the mean squared distance from 0.5; each bottom gets the full gradient."""

    factor: float
    blind_bottoms = frozenset()

    def forward(self, bottoms: Sequence[Tensor]) -> Sequence[Tensor]:
        """The loss."""
        distance = bottoms[0].detach() - 0.5

        def gradients() -> list[Tensor]:
            gradient = distance * (2 * self.factor / distance.numel())
            return [gradient] * len(bottoms)

        return [with_gradient(self.factor * distance.square().mean(), bottoms, gradients)]


class K1EuclideanLoss(_DistanceFromHalf):
    """The forcing-binary term: -1/2 of the mean of (x - 0.5)^2."""

    factor = -0.5


class K2EuclideanLoss(_DistanceFromHalf):
    """The 50 % fire rate term: 1/2 of the mean of (x - 0.5)^2."""

    factor = 0.5
