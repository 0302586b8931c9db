"""Caffe's fillers: initial values of params, with the distributions of Caffe's filler.hpp."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ssdh_surgery.caffe.net.filler_refusals import filler_refusal
from ssdh_surgery.errors import EngineError

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import FillerParameter

Generator = torch.Generator | None


def fill(tensor: Tensor, filler: FillerParameter, generator: Generator = None) -> None:
    """Fill a tensor in place according to a `FillerParameter`.

    Raises:
        EngineError: an unknown filler, or one that cannot fill this shape.
    """
    if (refusal := filler_refusal(filler)) is not None:
        raise EngineError(refusal.message, hint=refusal.hint)
    if not tensor.dim() and filler.type not in ("constant", "gaussian", "uniform"):
        raise EngineError(f"a {filler.type} filler cannot fill a blob without axes")
    with torch.no_grad():
        _FILLERS[filler.type](tensor, filler, generator)


def _constant(tensor: Tensor, filler: FillerParameter, generator: Generator) -> None:
    tensor.fill_(filler.value)


def _uniform(tensor: Tensor, filler: FillerParameter, generator: Generator) -> None:
    tensor.uniform_(filler.min, filler.max, generator=generator)


def _gaussian(tensor: Tensor, filler: FillerParameter, generator: Generator) -> None:
    tensor.normal_(filler.mean, filler.std, generator=generator)
    if filler.sparse >= 0 and tensor.dim():
        # `sparse` is the mean number of nonzero inputs per output.
        share = filler.sparse / tensor.shape[0]
        if share > 1:
            raise EngineError(
                f"a filler's sparse is {filler.sparse}, more than the {tensor.shape[0]} outputs"
            )
        tensor.mul_(torch.empty_like(tensor).bernoulli_(share, generator=generator))


def _positive_unitball(tensor: Tensor, filler: FillerParameter, generator: Generator) -> None:
    tensor.uniform_(0, 1, generator=generator)
    rows = tensor.view(tensor.shape[0], -1)
    rows.div_(rows.sum(1, keepdim=True))


def _fan(tensor: Tensor, filler: FillerParameter) -> float:
    """The fan-in (the default), the fan-out or their mean, according to `variance_norm`."""
    count = tensor.numel()
    fan_in = count // tensor.shape[0]
    fan_out = count // tensor.shape[1] if tensor.dim() > 1 else count
    norm = filler.VarianceNorm.Name(filler.variance_norm)
    return {"FAN_IN": fan_in, "FAN_OUT": fan_out, "AVERAGE": (fan_in + fan_out) / 2}[norm]


def _xavier(tensor: Tensor, filler: FillerParameter, generator: Generator) -> None:
    bound = math.sqrt(3 / _fan(tensor, filler))
    tensor.uniform_(-bound, bound, generator=generator)


def _msra(tensor: Tensor, filler: FillerParameter, generator: Generator) -> None:
    tensor.normal_(0, math.sqrt(2 / _fan(tensor, filler)), generator=generator)


def _bilinear(tensor: Tensor, filler: FillerParameter, generator: Generator) -> None:
    if tensor.dim() != 4:
        raise EngineError("Blob must be 4 dim.")
    height, width = tensor.shape[2:]
    if height != width:
        raise EngineError("Filter must be square")
    factor = math.ceil(width / 2)
    center = (width - 1) / (2 * factor)
    line = 1 - (torch.arange(width, dtype=torch.float32) / factor - center).abs()
    tensor.copy_(torch.outer(line, line).expand(tensor.shape))


_FILLERS: dict[str, Callable[[Tensor, FillerParameter, Generator], None]] = {
    "bilinear": _bilinear,
    "constant": _constant,
    "gaussian": _gaussian,
    "msra": _msra,
    "positive_unitball": _positive_unitball,
    "uniform": _uniform,
    "xavier": _xavier,
}
