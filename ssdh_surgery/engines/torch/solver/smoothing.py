"""The loss that is displayed: an average over the last iterations, as Caffe smooths it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SmoothedLoss:
    """The average of the last `window` losses (`average_loss`), first added at `start`."""

    def __init__(self, window: int, start: int = 0) -> None:
        self.value = 0.0
        self._window = window
        self._start = start
        self._losses: list[float] = []

    def add(self, loss: float, iteration: int) -> None:
        """Take in the loss of an iteration."""
        if len(self._losses) < self._window:
            self._losses.append(loss)
            size = len(self._losses)
            self.value = (self.value * (size - 1) + loss) / size
        else:
            index = (iteration - self._start) % self._window
            self.value += (loss - self._losses[index]) / self._window
            self._losses[index] = loss

    def state(self) -> dict[str, Any]:
        """What is needed to go on."""
        return {"value": self.value, "start": self._start, "losses": list(self._losses)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state; of another window, it begins anew."""
        losses = [float(loss) for loss in state["losses"]]
        if len(losses) <= self._window:
            self.value, self._start = float(state["value"]), int(state["start"])
            self._losses = losses
