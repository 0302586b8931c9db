"""The layers that take part in a net, as messages with their places; for engines of our own.

A net's text becomes specs of the layers of its state, in the current dialect, refused before
anything is built where an engine lacks a layer type or Caffe a field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.messages.message import fork_fields
from ssdh_surgery.caffe.messages.schema import LayerParameter
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.net_message import net_parameter
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.errors import EngineError
from ssdh_surgery.location import Location


@dataclass(frozen=True)
class LayerSpec:
    """A layer to build: its message in the current dialect, and its text where it has some."""

    param: LayerParameter
    view: Layer | None = None
    is_inserted: bool = False

    @property
    def location(self) -> Location | None:
        """Where it stands."""
        return self.view.location if self.view else None


def read_specs(
    net: Net, state: State, refuse_unsupported: Callable[[Layer], None]
) -> list[LayerSpec]:
    """The layers of a net in a state, ready to be built.

    `refuse_unsupported` raises for a layer that the engine does not have.

    Raises:
        EngineError: a layer type that only another engine has, or both kinds of phase rules.
        SchemaError: a field or value that Caffe does not have.
    """
    layers = [layer for layer in net.layers if not layer.is_padding]
    taken = [layer for layer in layers if layer.is_in(state)]
    for layer in taken:
        refuse_unsupported(layer)
        _refuse_both_rules(layer)
    for layer in taken:
        _refuse_unknown_fields(layer)
    message = net_parameter(net)
    # The inputs of an old net have become a layer before all others.
    inputs = len(message.layer) - len(layers)
    specs = [LayerSpec(param) for param in message.layer[:inputs]]
    for layer, param in zip(layers, message.layer[inputs:], strict=True):
        if layer in taken:
            specs.append(LayerSpec(param, layer))
    return specs


def _refuse_both_rules(layer: Layer) -> None:
    if layer.include and layer.exclude:
        raise EngineError(
            f"layer '{layer.name}': Specify either include rules or exclude rules; not both.",
            location=layer.location,
            layer=layer.name,
        )


def _refuse_unknown_fields(layer: Layer) -> None:
    """Let protobuf read the layer's text strictly: what it does not know would be left out."""
    document = layer.entry.document
    start = document.offsets[layer.outer.first] + 1
    place = document.source.location(start)
    # As far down and to the right as in the file, so that the error's place is right.
    margin = "\n" * ((place.line or 1) - 1) + " " * ((place.column or 1) - 1)
    is_current = layer.dialect is Dialect.CURRENT
    kind: Any = schema.LayerParameter if is_current else schema.V1LayerParameter
    text = document.text
    for each in fork_fields(layer.outer, kind.DESCRIPTOR):
        end = document.offsets[max(each.last, each.separator) + 1]
        text = text[: each.start] + re.sub(r"\S", " ", text[each.start : end]) + text[end:]
    text = text[start : document.offsets[layer.outer.last]]
    schema.parse_text(margin + text, kind.DESCRIPTOR.name, file=document.source.file)
