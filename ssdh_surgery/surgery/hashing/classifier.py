"""A classifier's settings: its outputs, its filler, its rates, and its name.

Caffe copies weights by layer name and stops where the shapes differ: a classifier with another
number of outputs needs a new name, and then starts from its filler.
"""

from __future__ import annotations

from decimal import Decimal

from ssdh_surgery.caffe.net.heads import CLASSIFIER_TYPES, Head, num_output
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.verbs import blobs, fields, layers, rates

# Added to the name of a layer whose old weights no longer fit.
CHANGED = "_change"


def set_classes(head: Head, classes: int) -> Change:
    """Set the number of outputs of a head's classifier, which keeps its name.

    An Accuracy whose `top_k` exceeds the number of classes, which Caffe refuses, gets all of
    them.

    Raises:
        SurgeryError: the classifier does not state its outputs.
    """
    message = _with_outputs(head.classifier)
    changes = [fields.put(message, "num_output", classes)]
    for accuracy in head.accuracies:
        param = accuracy.core.message("accuracy_param")
        top = integer(param, "top_k", 1)
        if param is not None and top is not None and top > classes:
            changes.append(fields.put(param, "top_k", classes))
    return merge(changes)


def _with_outputs(classifier: Layer) -> Message:
    message = classifier.holder(CLASSIFIER_TYPES[classifier.type])
    if message is None or num_output(classifier) is None:
        raise SurgeryError(
            f"the classifier '{classifier.name}' does not state its num_output",
            location=classifier.location,
            layer=classifier.name,
        )
    return message


def changed_name(net: Net, classifier: Layer) -> str:
    """A free name for a layer whose weights no longer fit: the old one with the suffix."""
    base = classifier.name.removesuffix(CHANGED) + CHANGED
    return unique_name(base, net.names)


def rename_classifier(net: Net, classifier: Layer, name: str) -> Change:
    """Rename a classifier and its top, also where layers read it.

    Raises:
        SurgeryError: the name is taken by another blob.
    """
    return merge([layers.rename(classifier, name), blobs.rename(net, classifier, 0, name)])


def fill(classifier: Layer, filler: NewFields) -> Change:
    """Set the filler of a classifier's weights.

    Raises:
        SurgeryError: the classifier does not state its outputs.
    """
    return fields.put(_with_outputs(classifier), "weight_filler", filler)


def learn_faster(classifier: Layer, factor: Decimal) -> Change:
    """Multiply the learning rates of a classifier, adding a rate where a param has none.

    A `param` that shares its weights by name stays unchanged.
    """
    has_bias = classifier.setting(CLASSIFIER_TYPES[classifier.type], "bias_term")
    params = 1 if literals.boolean(has_bias) is False else 2
    return rates.multiply(classifier, factor, params)
