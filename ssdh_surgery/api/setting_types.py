"""The options of `ssdh patch` and `ssdh deploy` as keyword arguments, for type checkers.

Written by tools/docs/setting_types.py from the table of options.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict

FieldValue = str | int | float


class PatchSettings(TypedDict, total=False):
    """The options of `ssdh patch`; None leaves one open."""

    at: str | None
    head: str | None
    bits: int | None
    filler: str | None
    bias: float | None
    lr_mult: Sequence[float] | None
    decay_mult: Sequence[float] | None
    classifier_lr: float | None
    latent_name: str | None
    code_name: str | None
    classifier_name: str | None
    remove: Literal["comment", "delete"] | None
    mark: bool | None
    upgrade: bool | None
    aux: Literal["keep", "drop", "retarget"] | None
    classes: int | None
    net_name: str | None
    classifier_filler: str | None
    objective: Literal["sigmoid", "ssdh"] | None
    objective_layers: Literal["stock", "fork"] | None
    objective_phase: Literal["both", "train"] | None
    weight_binary: float | None
    weight_fire: float | None
    weight_class: float | None
    lr_divide: float | None
    weight_decay: float | None
    gamma: float | None
    set: Mapping[str, FieldValue | Sequence[FieldValue]] | None
    train_data: str | Path | None
    test_data: str | Path | None
    train_batch: int | None
    test_batch: int | None
    mean_file: str | Path | None
    mean_value: Sequence[float] | None
    freeze: str | None
    suffix: str | None


class DeploySettings(TypedDict, total=False):
    """The options of `ssdh deploy`; None leaves one open."""

    at: str | None
    head: str | None
    bits: int | None
    latent_name: str | None
    code_name: str | None
    remove: Literal["comment", "delete"] | None
    upgrade: bool | None
    net_name: str | None
    suffix: str | None
