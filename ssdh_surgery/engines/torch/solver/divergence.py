"""Where a loss that is not a number comes from: the first param or blob that is none."""

from __future__ import annotations

import torch
from torch import Tensor

from ssdh_surgery.engines.torch.solver.nets import FedNet
from ssdh_surgery.errors import EngineError

_HINT = (
    "lower base_lr, or set clip_gradients; losses that are not averaged over the batch, wrong "
    "labels and inputs that are not scaled do that, too"
)


def divergence(fed: FedNet, iteration: int, loss: float, generator: Tensor) -> EngineError:
    """The error for a loss that is nan or infinite.

    `generator` is the state of the net's random generator before the pass, which is made
    once more to look at its blobs.
    """
    said = f"the loss of iteration {iteration} is {loss:g}"
    for layer in fed.net.layers:
        for index, param in enumerate(layer.params):
            if (found := _wrong(param.tensor)) is not None:
                return EngineError(
                    f"{said}: param {index} of layer '{layer.name}' became {found} in the update "
                    f"of iteration {iteration - 1}"
                    if iteration
                    else f"{said}: param {index} of layer '{layer.name}' is {found}",
                    location=layer.location,
                    hint=_HINT,
                    layer=layer.name,
                )
    fed.feed.step_back()
    fed.net.generator.set_state(generator)
    with torch.no_grad():
        return _first_blob(fed, said)


def _first_blob(fed: FedNet, said: str) -> EngineError:
    net = fed.net
    for place, step in enumerate(net.steps):
        net.forward_steps(place, place)
        for number in step.tops:
            blob = net.plan.blobs[number]
            if (found := _wrong(blob.tensor)) is not None:
                layer = step.layer
                return EngineError(
                    f"{said}: blob '{blob.name}', a top of layer '{layer.name}' ({layer.type}), "
                    f"is the first that has {found}",
                    location=layer.location,
                    hint=_HINT,
                    layer=layer.name,
                    blob=blob.name,
                )
    return EngineError(said, hint=_HINT)


def _wrong(tensor: Tensor) -> str | None:
    """`nan` or `inf` where a tensor has some."""
    if bool(tensor.isnan().any()):
        return "nan"
    return "inf" if bool(tensor.isinf().any()) else None
