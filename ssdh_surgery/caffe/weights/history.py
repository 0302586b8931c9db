"""The history of a solver's state, compared with what a solver keeps for a net.

Sources in Caffe: `SGDSolver::PreSolve`, and those of AdaDelta and Adam.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ssdh_surgery.caffe.training.solver_types import SOLVER_TYPES
from ssdh_surgery.caffe.weights.layer_weights import Shape
from ssdh_surgery.names import shape_text


@dataclass(frozen=True)
class HistoryMisfit:
    """Why a history cannot go on with a solver.

    Attributes:
        message: what differs.
        writers: the types of solvers that may have written it for this net; empty for another net.
    """

    message: str
    writers: tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        """What to do about it."""
        if self.writers:
            types = " or ".join(f'"{name}"' for name in self.writers)
            return f"resume with type: {types}, or start from the weights alone (--weights)"
        return "resume with the net that it was trained with, or train this one from other weights"


def history_misfit(
    history: Sequence[Shape], params: Sequence[Shape], solver: str
) -> HistoryMisfit | None:
    """Why the history of a state does not fit; None where it does.

    Args:
        history: the shapes of its blobs.
        params: the shapes of the learnable params of the net, each once.
        solver: the type of the solver that resumes.
    """
    kept = SOLVER_TYPES[solver].history
    expected = [*params] * kept
    if len(history) != len(expected):
        writers = tuple(
            name
            for name, rules in SOLVER_TYPES.items()
            if len(history) == len(params) * rules.history
        )
        return HistoryMisfit(
            f"belongs to another solver type or net: it has {len(history)} history blobs, but "
            f"{solver} has {len(expected)} for this net",
            writers,
        )
    for index, (blob, param) in enumerate(zip(history, expected, strict=True)):
        if math.prod(blob) != math.prod(param):
            return HistoryMisfit(
                f"belongs to another net: history blob {index} is {shape_text(blob)}, but the "
                f"param is {shape_text(param)}"
            )
    return None
