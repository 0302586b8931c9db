"""SSDH2xx: fillers that Caffe refuses when it builds a net."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ssdh_surgery.caffe.messages.forks import forks_text
from ssdh_surgery.caffe.net.filler_refusals import filler_refusal
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.findings import FOREIGN_NET_FIELD, LAYER_SETUP, Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.prototxt.cst import Message


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the fillers of the layers that run."""
    for net, state in subject.nets:
        for layer in net.layers_in(state):
            if not layer.is_padding:
                yield from _fillers(layer, subject)


def _fillers(layer: Layer, subject: Subject) -> Iterator[Finding]:
    for settings, name, index, filler in _messages(layer):
        refusal = filler_refusal(filler)
        if refusal is None:
            continue
        place = _place(layer, (settings, name), index, refusal.field)
        message = f"layer '{layer.name}' ({layer.type}): {refusal.message}"
        if refusal.forks and not subject.is_embedded:
            sentence = f"BVLC Caffe refuses {message}; {forks_text(refusal.forks)} it"
            hint = "ssdh train --caffe PATH runs such a Caffe"
            yield FOREIGN_NET_FIELD.at(place, sentence, hint)
        else:
            yield LAYER_SETUP.at(place, message, refusal.hint)


def _messages(layer: Layer) -> Iterator[tuple[str, str, int, Any]]:
    """The fillers of a layer: the message and the field that hold each, its index and itself."""
    for settings, value in layer.parameter.ListFields():
        inner = getattr(value, "ListFields", None)
        for field, content in inner() if inner else ():
            kind = field.message_type
            if kind is not None and kind.name == "FillerParameter":
                fillers = [content] if hasattr(content, "ListFields") else list(content)
                for index, filler in enumerate(fillers):
                    yield settings.name, field.name, index, filler


def _place(layer: Layer, field: tuple[str, str], index: int, name: str) -> Location:
    """The place of a field of a filler, or of what holds it."""
    entries = layer.settings(*field)
    if index >= len(entries):
        return layer.location
    value = entries[index].value
    inner = value.entry(name) if isinstance(value, Message) else None
    return inner.location if inner else entries[index].location
