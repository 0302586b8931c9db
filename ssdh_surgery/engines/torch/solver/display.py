"""The numbers that Caffe displays: scores of output blobs, their averages, the smoothed loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ssdh_surgery.engines.torch.net.graph_net import GraphNet


@dataclass(frozen=True)
class Score:
    """One number of an output blob; `loss_weight` is 0 if it is not part of the loss."""

    name: str
    value: float
    loss_weight: float = 0.0

    def fields(self, index: int) -> dict[str, Any]:
        """The fields of an `events.NetOutput`, except for the iteration."""
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
    """The loss weight of each output blob of a net."""
    weights = dict.fromkeys(net.plan.outputs, 0.0)
    originals: dict[int, int] = {}
    for step in net.steps:
        if step.is_inserted:
            # The tops of a split stand for the blob that was split, and bear its weight.
            originals.update(dict.fromkeys(step.tops, step.bottoms[0]))
        for number, weight in zip(step.tops, step.loss_weights, strict=True):
            if weight:
                weights[originals.get(number, number)] = weight
    return {net.plan.blobs[number].name: weights[number] for number in net.plan.outputs}


def scores(outputs: Mapping[str, Tensor], weights: Mapping[str, float]) -> list[Score]:
    """The scores of a pass, blob by blob."""
    return [
        Score(name, value, weights[name])
        for name, tensor in outputs.items()
        for value in tensor.float().flatten().tolist()
    ]


class Average:
    """The average of the scores of several passes."""

    def __init__(self) -> None:
        self._sums: list[Score] = []
        self._count = 0

    def add(self, scores: list[Score]) -> None:
        """Add the scores of a pass."""
        if not self._count:
            self._sums = scores
        else:
            self._sums = [
                Score(total.name, total.value + score.value, total.loss_weight)
                for total, score in zip(self._sums, scores, strict=True)
            ]
        self._count += 1

    def scores(self) -> list[Score]:
        """The averages."""
        return [
            Score(total.name, total.value / self._count, total.loss_weight) for total in self._sums
        ]


class SmoothedLoss:
    """The displayed loss: the average of the last `window` losses (`average_loss`)."""

    def __init__(self, window: int, start: int = 0) -> None:
        self.value = 0.0
        self._window = window
        self._start = start
        self._losses: list[float] = []

    def add(self, loss: float, iteration: int) -> None:
        """Add the loss of an iteration."""
        if len(self._losses) < self._window:
            self._losses.append(loss)
            size = len(self._losses)
            self.value = (self.value * (size - 1) + loss) / size
        else:
            index = (iteration - self._start) % self._window
            self.value += (loss - self._losses[index]) / self._window
            self._losses[index] = loss

    def state(self) -> dict[str, Any]:
        """The state to resume from."""
        return {"value": self.value, "start": self._start, "losses": list(self._losses)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from a state; one of a larger window is ignored."""
        losses = [float(loss) for loss in state["losses"]]
        if len(losses) <= self._window:
            self.value, self._start = float(state["value"]), int(state["start"])
            self._losses = losses
