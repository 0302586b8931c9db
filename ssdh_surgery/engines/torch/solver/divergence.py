"""The origin of a loss that is nan or infinite: the first such param or blob."""

from __future__ import annotations

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.solver.solver_nets import SolverNet
from ssdh_surgery.errors import Diverged

_HINT = (
    "lower base_lr, or set clip_gradients; other causes are losses that are not averaged over the "
    "batch, wrong labels, and unscaled inputs"
)


def divergence(solver_net: SolverNet, iteration: int, loss: float, generator: Tensor) -> Diverged:
    """The error for a loss that is nan or infinite.

    `generator` is the state of the net's random generator before the pass, which is repeated to
    examine its blobs.
    """
    sentence = f"the loss of iteration {iteration} is {loss:g}"
    for layer in solver_net.net.layers:
        for index, param in enumerate(layer.params):
            if (value := _not_finite(param.tensor)) is not None:
                return Diverged(
                    f"{sentence}: param {index} of layer '{layer.name}' became {value} in the "
                    f"update of iteration {iteration - 1}"
                    if iteration
                    else f"{sentence}: param {index} of layer '{layer.name}' is {value}",
                    location=layer.location,
                    hint=_HINT,
                    layer=layer.name,
                )
    solver_net.feed.step_back()
    solver_net.net.generator.set_state(generator)
    with torch.no_grad():
        return _first_blob(solver_net, sentence)


def _first_blob(solver_net: SolverNet, sentence: str) -> Diverged:
    net = solver_net.net
    for place, step in enumerate(net.steps):
        net.forward_steps(place, place)
        for number in step.tops:
            blob = net.plan.blobs[number]
            if (value := _not_finite(blob.tensor)) is not None:
                layer = step.layer
                return Diverged(
                    f"{sentence}: blob '{blob.name}', a top of layer '{layer.name}' "
                    f"({layer.type}), is the first to contain {value}",
                    location=layer.location,
                    hint=_HINT,
                    layer=layer.name,
                    blob=blob.name,
                )
    return Diverged(sentence, hint=_HINT)


def _not_finite(tensor: Tensor) -> str | None:
    """`nan` or `inf` if a tensor contains any."""
    if bool(tensor.isnan().any()):
        return "nan"
    return "inf" if bool(tensor.isinf().any()) else None
