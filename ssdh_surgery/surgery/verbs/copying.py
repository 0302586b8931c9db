"""A message of the text as new fields, to be written again at another place."""

from __future__ import annotations

from collections.abc import Container

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.prototxt.render import NewFields, Word


def copied(message: Message, but: Container[str] = ()) -> NewFields:
    """The fields of a message with their values as written; `but` are names to leave out.

    >>> from ssdh_surgery import parse
    >>> copied(parse(b'type: "gaussian" std: 1e-2').root, but=["std"])
    [('type', 'gaussian')]
    """
    return [
        (field.name, _value(value))
        for field in message.fields
        if field.name not in but
        for value in field.values
    ]


def _value(value: object) -> object:
    if isinstance(value, Message):
        return copied(value)
    return value.string if value.is_string else Word(value.text)  # type: ignore[attr-defined]


def rules(layer: Layer) -> list[tuple[str, object]]:
    """The phase rules of a layer: what stands beside it must be where it is."""
    return [
        (name, copied(message))
        for name in ("include", "exclude")
        for message in layer.outer.messages(name)
    ]
