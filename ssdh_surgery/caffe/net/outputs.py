"""The outputs of a layer that can be a classifier: their number, and where the text states it."""

from __future__ import annotations

from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.prototxt.cst import Message

# The message that holds num_output, by the type of a layer that can be a classifier.
CLASSIFIER_TYPES = {name: rule.settings for name, rule in LAYER_RULES.items() if rule.is_classifier}


def classifier_settings(layer: Layer) -> Message | None:
    """The message in which a possible classifier states its number of outputs.

    In a type that is not Caffe's it is the layer, or the only message in it, with a `num_output`.
    """
    if layer.type in CLASSIFIER_TYPES:
        return layer.holder(CLASSIFIER_TYPES[layer.type])
    if not layer.is_foreign:
        return None
    if layer.core.entry("num_output"):
        return layer.core
    values = [entry.value for field in layer.core.fields for entry in field.entries]
    stated = [each for each in values if isinstance(each, Message) and each.entry("num_output")]
    return stated[0] if len(stated) == 1 else None


def num_output(layer: Layer) -> int | None:
    """The number of outputs that a possible classifier declares."""
    return integer(classifier_settings(layer), "num_output")
