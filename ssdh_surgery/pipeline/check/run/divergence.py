"""SSDH514: a learning rate with which no net learns."""

from __future__ import annotations

from collections.abc import Iterator

from ssdh_surgery.caffe.training.solver_types import solver_type
from ssdh_surgery.findings import DIVERGING_RATE, Finding
from ssdh_surgery.pipeline.check.subject import Subject

# Published solvers stay below 1; the largest rates are for losses with small weights.
_LARGEST_RATE = 10.0


def findings(subject: Subject) -> Iterator[Finding]:
    """A rate whose first steps destroy any weights."""
    param = subject.message
    if param is None or not subject.nets or not 0 < param.base_lr < float("inf"):
        return
    # AdaDelta has a step of its own, which the rate only multiplies.
    if solver_type(param) == "AdaDelta":
        return
    net, state = subject.nets[0]
    layers = net.layers_in(state)
    rates = [spec.lr_mult for layer in layers for spec in layer.params]
    weights = [abs(weight) for layer in layers for weight in layer.loss_weights]
    # Params that the text does not list have a rate of 1, at least somewhere.
    rate = param.base_lr * max([1.0, *rates]) * max(weights, default=1.0)
    if param.base_lr > _LARGEST_RATE and rate > _LARGEST_RATE:
        yield DIVERGING_RATE.at(
            subject.place("base_lr"),
            f"base_lr is {param.base_lr:g}: the loss rises to 87 or nan within a few iterations, "
            "and nothing is learned",
            "published solvers have 0.1 at most; a fine-tuning takes 0.001 or less",
        )
