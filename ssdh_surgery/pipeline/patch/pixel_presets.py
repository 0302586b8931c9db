"""The transform of the pixels that a published net was trained with, found by its layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.zoo.layers import Field

# The layer types that identify a network.
_TYPES = frozenset(["Convolution", "InnerProduct"])
# A net belongs to the family of a network if they share at least this fraction of layers.
_MIN_OVERLAP = 0.9
# The channel means of data/ilsvrc12/imagenet_mean.binaryproto: blue, green, red.
_IMAGENET = (Decimal(104), Decimal(117), Decimal(123))
_IMAGENET_FILE = "imagenet_mean.binaryproto"


@dataclass(frozen=True)
class PixelPreset:
    """The transform of a family of nets; `mean` is in the order blue, green, red.

    `mean_file` is the file that the family's train net names; without a `mean`, it is that of
    the records of the training.
    """

    family: str
    mean: tuple[Decimal, ...] | None
    scale: Decimal | None
    mirror: bool
    mean_file: str = ""


def preset_for(layers: Iterable[Layer]) -> PixelPreset | None:
    """The preset of the built-in network that has these layers, by names and types.

    The last layer is not compared: a fine-tuned net has its own classifier.
    """
    signatures = [
        _Signature(layer.name, layer.type, layer.bottoms[0])
        for layer in layers
        if layer.type in _TYPES and layer.bottoms
    ][:-1]
    networks = {name: _signatures(zoo.find(name).deploy())[:-1] for name in zoo.names()}
    # Of networks with the same layers, the one that connects them in the same way.
    best = max(
        networks,
        key=lambda name: (
            _overlap(signatures, networks[name], 2),
            _overlap(signatures, networks[name]),
        ),
    )
    return _preset(best) if _overlap(signatures, networks[best], 2) >= _MIN_OVERLAP else None


class _Signature(NamedTuple):
    """A layer that identifies a network."""

    name: str
    kind: str
    bottom: str


def _signatures(fields: Iterable[Field]) -> list[_Signature]:
    layers = [dict(_pairs(value)) for name, value in fields if name == "layer"]
    return [
        _Signature(str(layer["name"]), str(layer["type"]), str(layer["bottom"]))
        for layer in layers
        if layer["type"] in _TYPES
    ]


def _overlap(one: Iterable[_Signature], other: Iterable[_Signature], parts: int = 3) -> float:
    """The fraction of layers that two nets share, compared by their first `parts` parts."""
    ours, theirs = ({layer[:parts] for layer in layers} for layers in (one, other))
    return len(ours & theirs) / max(1, len(ours | theirs))


def _pairs(value: object) -> list[Field]:
    assert isinstance(value, list), "a layer is a list of fields"
    return value


def _preset(name: str) -> PixelPreset:
    """The transform of a built-in network, as its train net has it."""
    layers = [dict(_pairs(value)) for each, value in zoo.find(name).train_val() if each == "layer"]
    transform = next(
        (_pairs(layer["transform_param"]) for layer in layers if "transform_param" in layer), []
    )
    values: dict[str, list[object]] = {}
    for field, value in transform:
        values.setdefault(field, []).append(value)
    mean = tuple(Decimal(str(each)) for each in values.get("mean_value", ()))
    scale = values.get("scale")
    file = str(values.get("mean_file", [""])[0])
    if not mean and file.endswith(_IMAGENET_FILE):
        mean = _IMAGENET
    return PixelPreset(
        name,
        mean or None,
        Decimal(str(scale[0])) if scale else None,
        values.get("mirror") == [True],
        file,
    )
