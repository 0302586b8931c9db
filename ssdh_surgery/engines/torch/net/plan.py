"""The plan of a net: its layers as steps that read and write numbered blobs.

It is built in the order of `Net::Init` in Caffe's net.cpp. Optimisations are passes over this
plan: they replace steps by others that write the same blobs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from ssdh_surgery.caffe.shapes.layer_setup import Shape
from ssdh_surgery.engines.layer_specs import LayerSpec
from ssdh_surgery.engines.torch.layers.layer import TorchLayer
from ssdh_surgery.engines.torch.layers.layer_context import LayerContext
from ssdh_surgery.engines.torch.layers.tensor_blob import TensorBlob
from ssdh_surgery.engines.torch.net.registry import layer_class
from ssdh_surgery.engines.torch.net.splits import insert_splits, unknown_bottom
from ssdh_surgery.errors import EngineError


@dataclass
class LayerStep:
    """A layer in the order of the net, with the blobs that it reads and writes, by number.

    `needs_backward` says whether its backward pass runs, `propagate_down` which bottoms get a
    gradient.
    """

    layer: TorchLayer
    bottoms: list[int]
    tops: list[int]
    bottom_shapes: tuple[Shape, ...] = ()
    propagate_down: list[bool] = field(default_factory=list)
    needs_backward: bool = False
    is_inserted: bool = False
    # The final content of an overwritten blob, if this layer's backward pass reads it.
    content: BlobContent | None = None

    @property
    def loss_weights(self) -> list[float]:
        """The weight of each top in the loss."""
        return self.layer.loss_weights or [0.0] * len(self.tops)


@dataclass
class NetPlan:
    """The steps of a net, its blobs by number, and the numbers of its inputs and outputs.

    `names` excludes the tops of inserted splits. The top of a loss that omits it is named
    `(automatic)`, as in Caffe.
    """

    steps: list[LayerStep]
    blobs: list[TensorBlob]
    names: dict[str, int]
    inputs: list[int]
    outputs: list[int]


def plan(specs: Sequence[LayerSpec], context: LayerContext) -> NetPlan:
    """Connect the layers and set them up.

    Raises:
        EngineError: a bottom that no layer writes, a top that two layers write, or an error of
            a layer.
    """
    builder = _Builder(context)
    for spec in insert_splits(specs):
        builder.add(spec)
    return builder.plan()


class _Builder:
    def __init__(self, context: LayerContext) -> None:
        self.context = context
        self.steps: list[LayerStep] = []
        self.blobs: list[TensorBlob] = []
        self.number: dict[str, int] = {}
        # The tops of inserted splits, and the blobs that were split.
        self.hidden: dict[int, int] = {}
        self.inputs: list[int] = []
        # Blobs that no layer has read yet: in the end, the outputs.
        self.available: set[str] = set()

    def add(self, spec: LayerSpec) -> None:
        """Connect a layer to the blobs above it and set it up."""
        param = spec.param
        layer = layer_class(param.type)(param, self.context, spec.view)
        layer.check(
            len(param.propagate_down) in (0, len(param.bottom)),
            "propagate_down param must be specified either 0 or bottom_size times ",
        )
        bottoms = [self._bottom(spec, index) for index in range(len(param.bottom))]
        # None stands for a top that the prototxt omits.
        names: list[str | None] = list(param.top)
        names += [None] * (layer.num_tops - len(names))
        shapes = tuple(self.blobs[number].shape for number in bottoms)
        top_shapes = layer.setup(shapes)
        tops = [
            self._top(spec, index, name, shape)
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
        self.steps.append(LayerStep(layer, bottoms, tops, shapes, is_inserted=spec.is_inserted))

    def _bottom(self, spec: LayerSpec, index: int) -> int:
        name = spec.param.bottom[index]
        if name not in self.available:
            raise unknown_bottom(spec, index, self.available)
        self.available.remove(name)
        return self.number[name]

    def _top(self, spec: LayerSpec, index: int, name: str | None, shape: Shape) -> int:
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
        self.blobs.append(TensorBlob(shape, self.context.device, name or "(automatic)"))
        if name is not None:
            self.number[name] = number
            self.available.add(name)
        return number

    def plan(self) -> NetPlan:
        """The plan of the layers so far."""
        visible = [number for number in range(len(self.blobs)) if number not in self.hidden]
        names = {self.blobs[number].name: number for number in visible}
        unread = [self.number[name] for name in sorted(self.available)]
        outputs = list(dict.fromkeys(self.hidden.get(number, number) for number in unread))
        return NetPlan(self.steps, self.blobs, names, self.inputs, outputs)


def update_shapes(step: LayerStep, shapes: tuple[Shape, ...]) -> None:
    """Reshape a layer if the shapes of its bottoms have changed.

    Raises:
        EngineError: the layer does not accept them.
    """
    if shapes != step.bottom_shapes:
        step.layer.shape_tops(shapes)
        step.bottom_shapes = shapes


def device_of(name: str) -> torch.device:
    """The device of a name in torch's notation.

    Raises:
        EngineError: there is no such device.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise EngineError(f"'{name}' is not a device", hint="cpu, cuda, cuda:0, ...") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EngineError(f"there is no GPU for '{name}'", hint="run on the CPU: --gpu none")
    return device


class BlobContent:
    """The content of a blob at the time of the backward pass."""

    def __init__(self) -> None:
        self.tensor = torch.empty(0)
