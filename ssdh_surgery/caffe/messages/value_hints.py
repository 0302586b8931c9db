"""Hints for values of the wrong kind: how the value is written in a form that Caffe reads."""

from __future__ import annotations

import math

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import V1_TYPES
from ssdh_surgery.caffe.messages.value_kinds import INTEGERS, FieldKind
from ssdh_surgery.errors import closest, plain
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Field, Message, Scalar

_BOOLEANS = {
    **dict.fromkeys(("yes", "y", "on", "true", "t", "1"), "true"),
    **dict.fromkeys(("no", "n", "off", "false", "f", "0"), "false"),
}
# The field that a bare value of a message most likely belongs to.
_FIRST_FIELDS = {
    "FillerParameter": "type",
    "NetStateRule": "phase",
    "NetState": "phase",
    "BlobShape": "dim",
    "ParamSpec": "lr_mult",
}


def value_hint(
    field: Field, kind: FieldKind, value: Scalar | Message | None, message_name: str
) -> str:
    """How to write a field that has a value of the wrong kind.

    Args:
        field: the field as written.
        kind: what the field takes.
        value: its value; None where it is a list, and the field takes one value.
        message_name: the message that the field belongs to.
    """
    if value is None:
        return f"it takes one value: {field.name}: VALUE"
    is_of_layer = message_name in ("LayerParameter", "V1LayerParameter")
    if is_of_layer and field.name == "param":
        return _param(value, message_name)
    if isinstance(value, Message):
        return f"it takes a value, not a message: {field.name}: {_example(kind)}"
    if is_of_layer and field.name == "type" and (value.is_word or value.is_string):
        return _layer_type(value, message_name)
    if kind.inner is not None:
        return _message(field, kind, value)
    return _scalar(field.name, kind, value)


def _layer_type(value: Scalar, message_name: str) -> str:
    """For the type of a layer: quotes belong to `layer`, words to `layers`."""
    word = value.string
    names = ((old, new) for old, new in V1_TYPES.items() if plain(word) in (plain(old), plain(new)))
    old, current = next(names, (None, word))
    if message_name == "LayerParameter":
        return f'put quotes around it: type: "{current}"'
    if value.is_word:
        return f"write type: {old}"
    as_word = f"in 'layers' write type: {old}; " if old else ""
    return f"{as_word}a type in quotes needs 'layer' instead of 'layers', for all layers"


def _param(value: Scalar | Message, message_name: str) -> str:
    """For `param`, which is a message in `layer` and a name in `layers`."""
    if message_name == "V1LayerParameter":
        return (
            "in 'layers' write blobs_lr: 1 and weight_decay: 1 instead; 'param { lr_mult: 1 }' "
            "belongs to 'layer'"
        )
    text = value.text if isinstance(value, Scalar) else ""
    name = "name" if text[:1] in ('"', "'") else "lr_mult"
    return f"write param {{ {name}: {text} }}"


def _message(field: Field, kind: FieldKind, value: Scalar) -> str:
    """For a bare value in place of a message."""
    first = _FIRST_FIELDS.get(kind.type)
    if first is None:
        return f"it takes a message: {field.name} {{ ... }}"
    text = value.text if first != "phase" else value.string
    if first == "type" and not value.is_string:
        text = literals.quote(text)
    return f"it takes a message: {field.name} {{ {first}: {text} }}"


def _scalar(name: str, kind: FieldKind, value: Scalar) -> str:
    text = value.string.strip()
    if kind.type in ("string", "bytes"):
        return f"put quotes around it: {name}: {literals.quote(text)}"
    fitting = _fitting(kind, text)
    if fitting is None:
        return _range(name, kind, text)
    verb = "remove the quotes:" if value.is_string else "write"
    return f"{verb} {name}: {fitting}"


def _fitting(kind: FieldKind, text: str) -> str | None:
    """The text as a value of the right kind; None if it means none."""
    if kind.type == "bool":
        return _BOOLEANS.get(text.lower())
    number = _number(text)
    if kind.type in INTEGERS:
        return _fitting_integer(kind, number)
    if kind.type in ("float", "double"):
        return text if number is not None else None
    names = schema.enum_values(kind.type)
    return next((name for name in names if plain(name) == plain(text)), None)


def _fitting_integer(kind: FieldKind, number: float | None) -> str | None:
    """A number such as 1e5 or 10.0 as an integer, if the field takes it."""
    low, high = INTEGERS[kind.type]
    if number is None or not math.isfinite(number) or number != int(number):
        return None
    return str(int(number)) if low <= number <= high else None


def _number(text: str) -> float | None:
    number = literals.real(text)
    return literals.integer(text) if number is None else number


def _range(name: str, kind: FieldKind, text: str) -> str:
    """What the field takes, for a text that means no such value."""
    if kind.type == "bool":
        return f"write {name}: true or {name}: false"
    if kind.type in INTEGERS:
        low, high = INTEGERS[kind.type]
        return f"it takes an integer from {low} to {high}"
    if kind.type in ("float", "double"):
        return f"it takes a number, as in {name}: 1"
    names = [*schema.enum_values(kind.type)]
    near = closest(text, names)
    return f"did you mean {name}: {near}?" if near else f"it is one of {', '.join(names)}"


def _example(kind: FieldKind) -> str:
    if kind.type in ("string", "bytes"):
        return '"..."'
    return "true" if kind.type == "bool" else "VALUE"
