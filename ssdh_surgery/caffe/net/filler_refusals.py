"""What Caffe refuses in a filler: its type, or a value of it.

Sources in Caffe: filler.hpp, and the checks of the random numbers in math_functions.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.messages.forks import forks_with_filler
from ssdh_surgery.errors import did_you_mean

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import FillerParameter

FILLERS = ("bilinear", "constant", "gaussian", "msra", "positive_unitball", "uniform", "xavier")


@dataclass(frozen=True)
class FillerRefusal:
    """Why Caffe refuses a filler: the field at fault, and the forks that accept its value."""

    field: str
    message: str
    hint: str | None = None
    forks: tuple[str, ...] = ()


def filler_refusal(filler: FillerParameter) -> FillerRefusal | None:
    """What Caffe refuses in a filler, whatever it fills; None where that is nothing."""
    kind = filler.type
    if kind not in FILLERS:
        hint = did_you_mean(kind, FILLERS) or f"Caffe has {', '.join(FILLERS)}"
        return FillerRefusal("type", f"Unknown filler name: {kind}", hint, forks_with_filler(kind))
    if kind != "gaussian" and filler.sparse != -1:
        return FillerRefusal("sparse", "Sparsity not supported by this Filler.")
    if kind == "uniform" and filler.min > filler.max:
        message = f"a uniform filler's min {filler.min:g} is above its max {filler.max:g}"
        return FillerRefusal("min", message)
    if kind == "gaussian" and filler.std <= 0:
        message = f"a gaussian filler's std must be positive, not {filler.std:g}"
        return FillerRefusal("std", message)
    if filler.sparse < -1:
        message = f"a filler's sparse must be -1 or more, not {filler.sparse}"
        return FillerRefusal("sparse", message)
    return None
