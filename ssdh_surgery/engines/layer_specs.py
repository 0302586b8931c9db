"""The layers of a net in a state, as messages with their places; for our own engines.

The layers are in the current dialect. Before anything is built, a layer type that the engine
lacks and a field that Caffe does not have are refused.
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
    """A layer to build: its message in the current dialect, and its text if it has one."""

    param: LayerParameter
    view: Layer | None = None
    is_inserted: bool = False

    @property
    def location(self) -> Location | None:
        """The layer's place in the file."""
        return self.view.location if self.view else None


def read_specs(
    net: Net, state: State, refuse_unsupported: Callable[[Layer], None]
) -> list[LayerSpec]:
    """The layers of a net in a state, ready to be built.

    `refuse_unsupported` raises for a layer type that the engine lacks.

    Raises:
        EngineError: an unsupported layer type, or a layer with both kinds of phase rules.
        SchemaError: a field or value that Caffe does not have.
    """
    layers = [layer for layer in net.layers if not layer.is_padding]
    active = [layer for layer in layers if layer.is_in(state)]
    for layer in active:
        refuse_unsupported(layer)
        _refuse_both_rules(layer)
    for layer in active:
        _refuse_unknown_fields(layer)
    message = net_parameter(net)
    # The declared inputs of an old net become a layer before all others.
    inputs = len(message.layer) - len(layers)
    specs = [LayerSpec(param) for param in message.layer[:inputs]]
    for layer, param in zip(layers, message.layer[inputs:], strict=True):
        if layer in active:
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
    """Parse the layer's text strictly: unknown fields would be dropped silently otherwise."""
    document = layer.entry.document
    start = document.offsets[layer.outer.first] + 1
    place = document.source.location(start)
    # Padded to the line and column of the file, so that the error's place is right.
    margin = "\n" * ((place.line or 1) - 1) + " " * ((place.column or 1) - 1)
    is_current = layer.dialect is Dialect.CURRENT
    kind: Any = schema.LayerParameter if is_current else schema.V1LayerParameter
    text = document.text
    for field in fork_fields(layer.outer, kind.DESCRIPTOR):
        end = document.offsets[max(field.last, field.separator) + 1]
        text = text[: field.start] + re.sub(r"\S", " ", text[field.start : end]) + text[end:]
    text = text[start : document.offsets[layer.outer.last]]
    schema.parse_text(margin + text, kind.DESCRIPTOR.name, file=document.source.file)
