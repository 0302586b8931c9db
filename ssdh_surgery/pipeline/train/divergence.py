"""Whether a run that ended without an error diverged: its weights decide, else its last losses."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.caffe.weights.not_finite import weights_not_finite
from ssdh_surgery.caffe.weights.weights_summary import weights_summary
from ssdh_surgery.errors import Diverged, SsdhError
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.train.loss_watch import BadLoss
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

_HINT = (
    "these weights are of no use: lower base_lr, or set clip_gradients, and check the labels, the "
    "mean, the scale, and the data for values that are nan; ssdh train --engine torch names the "
    "first blob that is"
)


def divergence(loss: BadLoss | None, weights: Path | None) -> Diverged | None:
    """The error for a run that diverged, None for one that did not.

    Args:
        loss: the losses at its end, if they are nan or infinite.
        weights: the last weights that it wrote.
    """
    path = relative_to_cwd(weights) if weights else None
    finding = _not_finite(path) if path else None
    # One bad display of good weights may be a bad batch.
    if finding is None and (loss is None or loss.displays < 2):
        return None
    clauses = [str(loss)] if loss else []
    layers = weights_summary(path).layers if path and finding else ()
    return Diverged(
        ", and ".join([*clauses, finding.message] if finding else clauses),
        hint=_HINT,
        iteration=loss.iteration if loss else None,
        blob=loss.output if loss else None,
        layer=next((layer.name for layer in layers if not layer.is_finite), None),
    )


def _not_finite(weights: Path) -> Finding | None:
    try:
        return weights_not_finite(weights)
    except SsdhError:
        return None  # whoever uses them says what is wrong
