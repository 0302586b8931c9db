"""A train net and a solver for ImageNet, for networks published only as a deploy net."""

from __future__ import annotations

from collections.abc import Sequence

from ssdh_surgery.zoo.catalogue import FileKind
from ssdh_surgery.zoo.layers import (
    GPU,
    Field,
    Value,
    accuracy,
    imagenet,
    loss,
)

# The files of such a network that were never published.
UNPUBLISHED: tuple[FileKind, ...] = ("train_val", "solver")


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
    """A train net: mirrored in TRAIN, with a softmax loss and the top-1 and top-5 accuracies.

    `size` is the crop in pixels; `mean` is subtracted from each channel (B, G, R) before `scale`.
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


def solver(name: str, **values: Value) -> dict[str, Value]:
    """A solver with the values of a paper; a test covers the 50,000 validation images."""
    return {
        "test_iter": 1000,
        "test_interval": 5000,
        "test_initialization": False,
        "display": 40,
        "average_loss": 40,
        **values,
        "snapshot": 10000,
        "snapshot_prefix": name,
        "solver_mode": GPU,
    }
