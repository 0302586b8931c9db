"""A train net and a solver for ImageNet, for networks that were published as deploy nets alone."""

from __future__ import annotations

from collections.abc import Sequence

from ssdh_surgery.zoo.kinds import Kind
from ssdh_surgery.zoo.layers import (
    GPU,
    Field,
    Value,
    accuracy,
    imagenet,
    loss,
)

# What was not published of such a net.
MADE_HERE: tuple[Kind, ...] = ("train_val", "solver")


def train_val(
    name: str,
    layers: Sequence[Field],
    classifier: str,
    *,
    size: int = 224,
    mean: float | tuple[float, ...],
    scale: float | None = None,
    accuracies: tuple[str, str] = ("accuracy/top-1", "accuracy/top-5"),
) -> list[Field]:
    """A train net: mirrored in TRAIN, judged by a softmax loss, and by the best 1 and 5.

    `size` is the crop in pixels, `mean` taken off each channel (B, G, R) before `scale`.
    """

    def transform(mirror: bool) -> dict[str, Value]:
        return {"scale": scale, "mirror": mirror, "crop_size": size, "mean_value": mean}

    return [
        ("name", name),
        *imagenet(transform(True), transform(False), batch_sizes=(32, 50)),
        *layers,
        loss("loss", classifier),
        accuracy(accuracies[0], classifier),
        accuracy(accuracies[1], classifier, top_k=5),
    ]


def solver(name: str, **own: Value) -> dict[str, Value]:
    """A solver with a paper's `own` values; the test covers ImageNet's 50,000 pictures."""
    return {
        "test_iter": 1000,
        "test_interval": 5000,
        "test_initialization": False,
        "display": 40,
        "average_loss": 40,
        **own,
        "snapshot": 10000,
        "snapshot_prefix": name,
        "solver_mode": GPU,
    }
