"""The blobs that a net declares at its top: `input` with `input_shape` or `input_dim`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssdh_surgery.caffe.shapes.subject import Shape
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Message

if TYPE_CHECKING:
    from ssdh_surgery.caffe.net.net import Net

# `input_dim` gives so many sizes to each input.
_LEGACY_AXES = 4


def declared_inputs(net: Net) -> list[tuple[str, Shape | None]]:
    """The shape of each input; None for one without, which Caffe would not make.

    As Caffe's upgrade reads them: `input_dim` counts only where no `input_shape` is given.
    """
    root = net.root
    shapes: list[Shape | None] = [
        _sizes(message, "dim") for message in root.messages("input_shape")
    ]
    if not shapes:
        dims = _sizes(root, "input_dim")
        ends = range(_LEGACY_AXES, len(dims) + 1, _LEGACY_AXES)
        shapes = [dims[end - _LEGACY_AXES : end] for end in ends]
    shapes += [None] * len(net.inputs)
    return list(zip(net.inputs, shapes, strict=False))


def _sizes(message: Message, name: str) -> Shape:
    return tuple(literals.integer(scalar.text) or 0 for scalar in message.scalars(name))
