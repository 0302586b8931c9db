"""What was done to the pixels that a published net was trained with, found by its layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from ssdh_surgery import zoo
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.zoo.layers import Field

# The layers whose names and types tell a network; what classifies is often another one.
_TELLING = frozenset(["Convolution", "InnerProduct"])
# A net with so many of a network's layers, and few others, is of its family.
_ALIKE = 0.9
# The channel means of data/ilsvrc12/imagenet_mean.binaryproto, blue, green, red.
_IMAGENET = (Decimal(104), Decimal(117), Decimal(123))
_IMAGENET_FILE = "imagenet_mean.binaryproto"


@dataclass(frozen=True)
class Preset:
    """The transform of a family of nets; `mean` is in the order blue, green, red.

    `has_mean` without a `mean`: its values depend on the records that were trained with.
    """

    family: str
    mean: tuple[Decimal, ...] | None
    has_mean: bool
    scale: Decimal | None
    mirror: bool
    note: str = ""


def preset_for(layers: Iterable[Layer]) -> Preset | None:
    """The preset of the network of the zoo that has these layers, by names and types.

    The last layer of a kind that tells is left out: a fine-tuned net has its own classifier.
    """
    own = [
        _Telling(layer.name, layer.type, layer.bottoms[0])
        for layer in layers
        if layer.type in _TELLING and layer.bottoms
    ][:-1]
    theirs = {name: _telling(zoo.find(name).deploy())[:-1] for name in zoo.names()}
    # Of networks with the same layers the one that connects them so.
    best = max(theirs, key=lambda name: (_alike(own, theirs[name], 2), _alike(own, theirs[name])))
    return _preset(best) if _alike(own, theirs[best], 2) >= _ALIKE else None


class _Telling(NamedTuple):
    """A layer that tells a network."""

    name: str
    kind: str
    bottom: str


def _telling(fields: Iterable[Field]) -> list[_Telling]:
    layers = [dict(_pairs(value)) for name, value in fields if name == "layer"]
    return [
        _Telling(str(layer["name"]), str(layer["type"]), str(layer["bottom"]))
        for layer in layers
        if layer["type"] in _TELLING
    ]


def _alike(own: Iterable[_Telling], theirs: Iterable[_Telling], parts: int = 3) -> float:
    """The share of layers that both have, among all, by so many of their parts."""
    one, other = ({layer[:parts] for layer in layers} for layers in (own, theirs))
    return len(one & other) / max(1, len(one | other))


def _pairs(value: object) -> list[Field]:
    assert isinstance(value, list), "a layer is a list of fields"
    return value


def _preset(name: str) -> Preset:
    """What the network's own train net does to its data."""
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
    note = ""
    if not mean and file.endswith(_IMAGENET_FILE):
        mean, note = _IMAGENET, f", the channel means of {file}"
    elif file:
        note = f" less the mean of its own records, {file}"
    return Preset(
        name,
        mean or None,
        bool(mean or file),
        Decimal(str(scale[0])) if scale else None,
        values.get("mirror") == [True],
        note,
    )
