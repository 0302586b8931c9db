"""Presets: the settings of published recipes, by name.

`blog` is the recipe for GoogLeNet, which is also the default of `patch`; `ssdh` and `cvprw15`
are those of the authors' AlexNet files. Explicit options override a preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ssdh_surgery.surgery.hashing.recipe import Filler

_AUTHORS_SOLVER = (
    ("base_lr", "0.001"),
    ("lr_policy", "step"),
    ("stepsize", "25000"),
    ("max_iter", "50000"),
    ("momentum", "0.9"),
)


@dataclass(frozen=True)
class Preset:
    """Settings, by the names of the options of `patch`, and their source."""

    settings: Mapping[str, Any]
    source: str


PRESETS: dict[str, Preset] = {
    "blog": Preset({}, "the recipe for GoogLeNet: the defaults"),
    "ssdh": Preset(
        {
            "bits": 48,
            "filler": Filler.parse("gaussian:0.01"),
            "bias": Decimal(0),
            "classifier_filler": Filler.parse("gaussian:0.2"),
            "objective": "ssdh",
            "train_batch": 32,
            "gamma": Decimal("0.1"),
            "weight_decay": Decimal("0.0005"),
            "sets": _AUTHORS_SOLVER,
        },
        "the authors' files for TPAMI 2017 (arXiv:1507.00101), AlexNet on CIFAR-10",
    ),
    "cvprw15": Preset(
        {
            "bits": 48,
            "filler": Filler.parse("gaussian:0.005"),
            "bias": Decimal(1),
            "classifier_filler": Filler.parse("gaussian:0.01"),
            "objective": "sigmoid",
            "train_batch": 32,
            "gamma": Decimal("0.1"),
            "weight_decay": Decimal("0.0005"),
            "sets": _AUTHORS_SOLVER,
        },
        "the authors' files for the CVPR workshop of 2015, AlexNet on CIFAR-10",
    ),
}
