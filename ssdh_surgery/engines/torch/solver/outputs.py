"""What a net puts out at the end of a pass, as the numbers that Caffe displays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ssdh_surgery.engines.torch.net.graph_net import GraphNet


@dataclass(frozen=True)
class Score:
    """One number of an output blob; `loss_weight` is 0 where it is no part of the loss."""

    name: str
    value: float
    loss_weight: float = 0.0

    def fields(self, index: int) -> dict[str, Any]:
        """The fields of an `events.Output`, but for the iteration."""
        weight = self.loss_weight or None
        weighted = None if weight is None else weight * self.value
        return {
            "index": index,
            "name": self.name,
            "value": self.value,
            "loss_weight": weight,
            "weighted": weighted,
        }


def output_weights(net: GraphNet) -> dict[str, float]:
    """The weight in the loss of each blob that a net puts out."""
    weights = dict.fromkeys(net.plan.outputs, 0.0)
    shown: dict[int, int] = {}
    for step in net.steps:
        if step.is_inserted:
            # A split's tops are the blob that was split, and bear its weight.
            shown.update(dict.fromkeys(step.tops, step.bottoms[0]))
        for number, weight in zip(step.tops, step.loss_weights, strict=True):
            if weight:
                weights[shown.get(number, number)] = weight
    return {net.plan.blobs[number].name: weights[number] for number in net.plan.outputs}


def scores(outputs: Mapping[str, Tensor], weights: Mapping[str, float]) -> list[Score]:
    """The numbers of a pass, blob by blob."""
    return [
        Score(name, value, weights[name])
        for name, tensor in outputs.items()
        for value in tensor.float().flatten().tolist()
    ]


class Average:
    """The average of the numbers of several passes."""

    def __init__(self) -> None:
        self._sums: list[Score] = []
        self._count = 0

    def add(self, found: list[Score]) -> None:
        """Take in the numbers of a pass."""
        if not self._count:
            self._sums = found
        else:
            self._sums = [
                Score(total.name, total.value + one.value, total.loss_weight)
                for total, one in zip(self._sums, found, strict=True)
            ]
        self._count += 1

    def scores(self) -> list[Score]:
        """The averages."""
        return [
            Score(total.name, total.value / self._count, total.loss_weight) for total in self._sums
        ]
