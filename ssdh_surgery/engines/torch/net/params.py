"""The params of a net: which are shared, who owns them, and how fast each learns.

The rules are those of `Net::AppendParam` in Caffe's net.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ssdh_surgery.engines.torch.layers.base import Layer
from ssdh_surgery.engines.torch.layers.blob import Param, shape_string

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ParamSpec


@dataclass
class LearnableParam:
    """A param that the solver updates, once for all the layers that share it.

    `layer` and `index` name its owner; `name` is what it is shared by, or empty. A multiplier
    is None where no layer states it.
    """

    param: Param
    layer: str
    index: int
    name: str
    given_lr_mult: float | None
    given_decay_mult: float | None

    @property
    def lr_mult(self) -> float:
        """What the learning rate is multiplied by."""
        return 1.0 if self.given_lr_mult is None else self.given_lr_mult

    @property
    def decay_mult(self) -> float:
        """What the weight decay is multiplied by."""
        return 1.0 if self.given_decay_mult is None else self.given_decay_mult

    @property
    def tensor(self) -> torch.Tensor:
        """The values: a leaf, whose `.grad` is None or the gradient."""
        return self.param.leaf


def learn(layers: Iterable[Layer]) -> list[LearnableParam]:
    """The learnable params of set-up layers, in order; params that share a name are joined.

    Raises:
        EngineError: more `param`s than blobs, or shared params that do not go together.
    """
    learnable: list[LearnableParam] = []
    owners: dict[str, LearnableParam] = {}
    for layer in layers:
        specs = layer.param.param
        layer.check(
            len(specs) <= len(layer.params), f"Too many params specified for layer {layer.name}"
        )
        for index, param in enumerate(layer.params):
            spec = specs[index] if index < len(specs) else None
            name = spec.name if spec else ""
            if name in owners and spec:
                _share(layer, index, spec, owners[name])
                continue
            found = LearnableParam(
                param, layer.name, index, name, _given(spec, "lr_mult"), _given(spec, "decay_mult")
            )
            learnable.append(found)
            if name:
                owners[name] = found
    return learnable


def lr_mult(layer: Layer, index: int) -> float:
    """The multiplier that a layer itself states for one of its params (1 where it doesn't)."""
    specs = layer.param.param
    return specs[index].lr_mult if index < len(specs) else 1.0


def _given(spec: ParamSpec | None, field: str) -> float | None:
    if spec is None or not spec.HasField(field):
        return None
    value: float = getattr(spec, field)
    return value


def _share(layer: Layer, index: int, spec: ParamSpec, owner: LearnableParam) -> None:
    """Let a layer's param be its owner's, after checking that they go together."""
    param = layer.params[index]
    is_permissive = layer.choice(spec, "share_mode") == "PERMISSIVE"
    ours, theirs = shape_string(param.shape), shape_string(owner.param.shape)
    start = (
        f"Cannot share param '{spec.name}' owned by layer '{owner.layer}' with layer "
        f"'{layer.name}'; "
    )
    if is_permissive:
        layer.check(
            param.count == owner.param.count,
            f"{start}count mismatch.  Owner layer param shape is {theirs}; sharing layer shape "
            f"is {ours}",
        )
    else:
        layer.check(
            param.shape == owner.param.shape,
            f"{start}shape mismatch.  Owner layer param shape is {theirs}; sharing layer "
            f"expects shape {ours}",
        )
    for field in ("lr_mult", "decay_mult"):
        given, known = _given(spec, field), getattr(owner, f"given_{field}")
        layer.check(
            given is None or known is None or given == known,
            f"Shared param '{spec.name}' has mismatched {field}.",
        )
        if known is None:
            setattr(owner, f"given_{field}", given)
    param.share(owner.param, (owner.layer, owner.index))
