"""Fields of one dialect in a layer of another, which no Caffe reads, and what replaces them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import V0_TYPES, Dialect
from ssdh_surgery.caffe.messages.v0_fields import name_in_v1, place_in_v1
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.findings import OTHER_DIALECT, Finding
from ssdh_surgery.prototxt.cst import Field, Message, Scalar

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

# The fields of V1 that became fields of a `param`, one for each blob.
_PARAM_FIELDS = {
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
    "blob_share_mode": "share_mode",
}


def other_dialect_fields(net: Net) -> Iterator[Finding]:
    """A finding for the first field of each name that belongs to another dialect."""
    reported = set()
    for layer, field, replacement in misplaced_fields(net):
        if field.name not in reported:
            reported.add(field.name)
            word = layer.entry.field.name
            yield OTHER_DIALECT.at(
                net.document.location(field.first),
                f"Caffe cannot read this net: '{word}' has no field '{field.name}' (layer "
                f"'{layer.name}')",
                f"write {replacement}",
            )


def misplaced_fields(net: Net) -> Iterator[tuple[Layer, Field, str]]:
    """The fields that belong to another dialect, each with its layer and what replaces it."""
    if net.dialect is Dialect.V0:
        # Caffe's upgrade drops them; `ssdh upgrade` names each.
        return
    message = "LayerParameter" if net.dialect is Dialect.CURRENT else "V1LayerParameter"
    descriptor = schema.descriptor(message)
    for layer in net.layers:
        for field, replacement in _misplaced(layer, descriptor):
            yield layer, field, replacement


def _misplaced(layer: Layer, descriptor: Descriptor) -> Iterator[tuple[Field, str]]:
    """The fields of a layer that belong to another dialect, each with what replaces it."""
    for field in layer.outer.fields:
        caffe_field = descriptor.fields_by_name.get(field.name)
        if caffe_field is None:
            replacement = _replacement(layer, field)
            if replacement:
                yield field, replacement
        elif caffe_field.message_type is not None:
            names = caffe_field.message_type.fields_by_name
            for message in field.values:
                for inner in message.fields if isinstance(message, Message) else ():
                    name = name_in_v1(field.name, inner.name)
                    if name is not None and inner.name not in names:
                        yield inner, f"{name}{_value_text(inner)}"


def _replacement(layer: Layer, field: Field) -> str | None:
    """What replaces a field of a layer; None for a field of no dialect, which is a fork's."""
    value = _value_text(field)
    if layer.dialect is Dialect.CURRENT and field.name in _PARAM_FIELDS:
        return f"param {{ {_PARAM_FIELDS[field.name]}{value} }}, one for each blob"
    if layer.dialect is Dialect.V1 and field.name in _names("LayerParameter"):
        return "'layer' instead of 'layers', for all layers"
    old_type = next((old for old, new in V0_TYPES.items() if new == layer.type), "")
    place = place_in_v1(old_type, field.name)
    if place is None:
        return None
    message, name = place
    return f"{message} {{ {name}{value} }}" if message else f"{name}{value}"


def _names(message_name: str) -> frozenset[str]:
    return frozenset(field.name for field in schema.descriptor(message_name).fields)


def _value_text(field: Field) -> str:
    """The first value as it would be written after another name."""
    value = field.values[0] if field.values else None
    return f": {value.text}" if isinstance(value, Scalar) else " { ... }"
