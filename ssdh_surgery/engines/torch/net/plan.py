"""The plan of a net: its layers as steps that read and write numbered blobs.

Built as `Net::Init` in Caffe's net.cpp builds a net. What makes a net faster is a pass over
this plan: it replaces steps by others that write the same blobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from ssdh_surgery.engines.layer_specs import LayerSpec
from ssdh_surgery.engines.torch.layers.base import Layer, Setting
from ssdh_surgery.engines.torch.layers.blob import Blob, Shape
from ssdh_surgery.engines.torch.net.registry import layer_class
from ssdh_surgery.engines.torch.net.splits import insert_splits, unknown_bottom
from ssdh_surgery.errors import EngineError


@dataclass
class Step:
    """One layer in the order of the net: the blobs that it reads and writes, by number.

    `needs_backward` says whether its backward pass runs, and `propagate_down` to which
    bottoms it brings the gradient.
    """

    layer: Layer
    bottoms: list[int]
    tops: list[int]
    bottom_shapes: tuple[Shape, ...] = ()
    propagate_down: list[bool] = field(default_factory=list)
    needs_backward: bool = False
    is_inserted: bool = False
    # What a blob in place holds in the end, where this layer's backward pass reads that.
    content: Content | None = None

    @property
    def loss_weights(self) -> list[float]:
        """The weight of each top in the loss."""
        return self.layer.loss_weights or [0.0] * len(self.tops)


@dataclass
class Plan:
    """The steps of a net, its blobs by number, and the numbers of its inputs and outputs.

    `names` leaves out the tops of inserted splits. A loss without a top has one that is called
    `(automatic)`, as in Caffe.
    """

    steps: list[Step]
    blobs: list[Blob]
    names: dict[str, int]
    inputs: list[int]
    outputs: list[int]


def plan(specs: Sequence[LayerSpec], setting: Setting) -> Plan:
    """Connect the layers and set them up.

    Raises:
        EngineError: a bottom that nobody writes, a top that two layers write, or whatever a
            layer refuses.
    """
    builder = _Builder(setting)
    for spec in insert_splits(specs):
        builder.add(spec)
    return builder.plan()


class _Builder:
    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.steps: list[Step] = []
        self.blobs: list[Blob] = []
        self.number: dict[str, int] = {}
        # The tops of splits, which no prototxt names, and what was split.
        self.hidden: dict[int, int] = {}
        self.inputs: list[int] = []
        # Blobs that no layer has taken yet: in the end, the outputs.
        self.available: set[str] = set()

    def add(self, spec: LayerSpec) -> None:
        """Connect a layer to the blobs above it and set it up."""
        param = spec.param
        layer = layer_class(param.type)(param, self.setting, spec.view)
        layer.check(
            len(param.propagate_down) in (0, len(param.bottom)),
            "propagate_down param must be specified either 0 or bottom_size times ",
        )
        bottoms = [self._take(spec, index) for index in range(len(param.bottom))]
        names = self._top_names(layer)
        layer.num_tops = len(names)
        shapes = tuple(self.blobs[number].shape for number in bottoms)
        if not layer.allows_in_place:
            layer.check(
                not set(param.bottom) & set(param.top),
                f"{layer.type} Layer does not allow in-place computation.",
            )
        top_shapes = layer.setup(shapes)
        tops = [
            self._give(spec, index, name, shape)
            for index, (name, shape) in enumerate(zip(names, top_shapes, strict=True))
        ]
        for number, weight in zip(tops, layer.loss_weights, strict=False):
            if weight:
                self.blobs[number].set_loss_weight(weight)
        for number, value in zip(tops, layer.first_tops(), strict=False):
            if value is not None:
                self.blobs[number].set_tensor(value)
        if param.type == "Input":
            self.inputs += tops
        if spec.is_inserted:
            self.hidden.update(dict.fromkeys(tops, bottoms[0]))
        self.steps.append(Step(layer, bottoms, tops, shapes, is_inserted=spec.is_inserted))

    def _take(self, spec: LayerSpec, index: int) -> int:
        name = spec.param.bottom[index]
        if name not in self.available:
            raise unknown_bottom(spec, index, self.available)
        self.available.remove(name)
        return self.number[name]

    def _top_names(self, layer: Layer) -> list[str | None]:
        """The names of the tops; None for one that the prototxt leaves out."""
        names: list[str | None] = list(layer.param.top)
        if layer.has_automatic_tops:
            needed = max(layer.exact_tops or 0, layer.min_tops)
            names += [None] * (needed - len(names))
        return names

    def _give(self, spec: LayerSpec, index: int, name: str | None, shape: Shape) -> int:
        bottoms = spec.param.bottom
        if name is not None and name in self.number:
            if index >= len(bottoms) or bottoms[index] != name:
                raise EngineError(
                    f"Top blob '{name}' produced by multiple sources.",
                    location=spec.location,
                    layer=spec.param.name,
                    blob=name,
                )
            self.available.add(name)
            self.blobs[self.number[name]].reshape(*shape)
            return self.number[name]
        number = len(self.blobs)
        self.blobs.append(Blob(shape, self.setting.device, name or "(automatic)"))
        if name is not None:
            self.number[name] = number
            self.available.add(name)
        return number

    def plan(self) -> Plan:
        """What was built."""
        shown = [number for number in range(len(self.blobs)) if number not in self.hidden]
        names = {self.blobs[number].name: number for number in shown}
        left = [self.number[name] for name in sorted(self.available)]
        outputs = list(dict.fromkeys(self.hidden.get(number, number) for number in left))
        return Plan(self.steps, self.blobs, names, self.inputs, outputs)


def check_shapes(step: Step, shapes: tuple[Shape, ...]) -> None:
    """Tell a layer that its bottoms have other shapes now.

    Raises:
        EngineError: the layer does not take them.
    """
    if shapes != step.bottom_shapes:
        step.layer.shape_tops(shapes)
        step.bottom_shapes = shapes


def device_of(name: str) -> torch.device:
    """A device by torch's name for it.

    Raises:
        EngineError: there is no such device here.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise EngineError(f"'{name}' is not a device", hint="cpu, cuda, cuda:0, ...") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EngineError(f"there is no GPU for '{name}'", hint="run on the CPU: --gpu none")
    return device


class Content:
    """What a blob holds by the time of the backward pass."""

    def __init__(self) -> None:
        self.tensor = torch.empty(0)
