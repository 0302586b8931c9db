"""Caffe's own upgrade of old nets and solvers, as edits of their text.

Each step is a verb with a file of its own; the steps are applied in Caffe's order. Comments,
order and layout stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.hashing.stock_objective import stock_objective
from ssdh_surgery.surgery.upgrade.batch_norm import freeze_statistics
from ssdh_surgery.surgery.upgrade.inputs import inputs_to_layer
from ssdh_surgery.surgery.upgrade.padding import fold_padding
from ssdh_surgery.surgery.upgrade.transform import move_transform
from ssdh_surgery.surgery.upgrade.v0 import v0_to_v1
from ssdh_surgery.surgery.upgrade.v1 import v1_to_current


@dataclass(frozen=True)
class UpgradeStep:
    """One step of the upgrade of a net.

    `change` is without edits if there is nothing to do; `notes` are for the user.
    """

    change: Callable[[Net], Change]
    description: str
    notes: Callable[[Net], tuple[str, ...]] = lambda _: ()


NET_STEPS = (
    UpgradeStep(fold_padding, "padding layers folded into the layers that read them"),
    UpgradeStep(v0_to_v1, "layers of V0 made layers of V1"),
    UpgradeStep(move_transform, "crop, mean, scale and mirror moved into transform_param"),
    UpgradeStep(v1_to_current, "layers of V1 made layers of the current dialect"),
    UpgradeStep(inputs_to_layer, "inputs made an Input layer"),
    UpgradeStep(freeze_statistics, "statistics of BatchNorm layers given lr_mult and decay_mult 0"),
)
# Not part of Caffe's upgrade: done only on request.
STOCK_STEP = UpgradeStep(
    lambda net: stock_objective(net).change,
    "the fork's losses made Power and Reduction layers",
    lambda net: stock_objective(net).notes,
)
