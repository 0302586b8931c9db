"""The params of a net: which layers share one, which owns it, and its learning-rate multipliers.

The rules are those of `Net::AppendParam` in Caffe's net.cpp.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ssdh_surgery.caffe.shapes.layer_setup import shape_string
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.layers.tensor_blob import TensorParam

if TYPE_CHECKING:
    from ssdh_surgery.caffe.messages.ssdh_caffe_pb2 import ParamSpec


@dataclass
class LearnableParam:
    """A param that the solver updates, once for all layers that share it.

    `layer` and `index` identify its owner; `name` is the name it is shared by, or empty. An
    explicit multiplier is None if no layer sets it.
    """

    param: TensorParam
    layer: str
    index: int
    name: str
    explicit_lr_mult: float | None
    explicit_decay_mult: float | None

    @property
    def lr_mult(self) -> float:
        """The multiplier of the learning rate."""
        return 1.0 if self.explicit_lr_mult is None else self.explicit_lr_mult

    @property
    def decay_mult(self) -> float:
        """The multiplier of the weight decay."""
        return 1.0 if self.explicit_decay_mult is None else self.explicit_decay_mult

    @property
    def tensor(self) -> torch.Tensor:
        """The values: a leaf, whose `.grad` is the gradient or None."""
        return self.param.leaf


def learnable_params(layers: Iterable[TorchLayer]) -> list[LearnableParam]:
    """The learnable params of layers after setup, in order; those with the same name are shared.

    Raises:
        EngineError: more `param`s than blobs, or shared params that do not match.
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
            learnable_param = LearnableParam(
                param,
                layer.name,
                index,
                name,
                _explicit(spec, "lr_mult"),
                _explicit(spec, "decay_mult"),
            )
            learnable.append(learnable_param)
            if name:
                owners[name] = learnable_param
    return learnable


def lr_mult(layer: TorchLayer, index: int) -> float:
    """The multiplier that a layer itself sets for one of its params (1 by default)."""
    specs = layer.param.param
    return specs[index].lr_mult if index < len(specs) else 1.0


def _explicit(spec: ParamSpec | None, field: str) -> float | None:
    if spec is None or not spec.HasField(field):
        return None
    value: float = getattr(spec, field)
    return value


def _share(layer: TorchLayer, index: int, spec: ParamSpec, owner: LearnableParam) -> None:
    """Let a layer's param share its owner's values, after checking that they match."""
    param = layer.params[index]
    is_permissive = layer.choice(spec, "share_mode") == "PERMISSIVE"
    shape, owner_shape = shape_string(param.shape), shape_string(owner.param.shape)
    start = (
        f"Cannot share param '{spec.name}' owned by layer '{owner.layer}' with layer "
        f"'{layer.name}'; "
    )
    if is_permissive:
        layer.check(
            param.count == owner.param.count,
            f"{start}count mismatch.  Owner layer param shape is {owner_shape}; sharing layer "
            f"shape is {shape}",
        )
    else:
        layer.check(
            param.shape == owner.param.shape,
            f"{start}shape mismatch.  Owner layer param shape is {owner_shape}; sharing layer "
            f"expects shape {shape}",
        )
    for field in ("lr_mult", "decay_mult"):
        layer_mult, owner_mult = _explicit(spec, field), getattr(owner, f"explicit_{field}")
        layer.check(
            layer_mult is None or owner_mult is None or layer_mult == owner_mult,
            f"Shared param '{spec.name}' has mismatched {field}.",
        )
        if owner_mult is None:
            setattr(owner, f"explicit_{field}", layer_mult)
    param.share(owner.param, (owner.layer, owner.index))
