"""A classifier's own settings: its outputs, its filler, and the name that keeps old weights off.

Caffe copies weights by a layer's name and stops where the shapes differ: a classifier with
other outputs needs another name, and then starts from its filler.
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
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.verbs import blobs, fields, layers, rates


def set_classes(head: Head, classes: int) -> Change:
    """Let a classifier have so many outputs, under the name that it has.

    An Accuracy that looks at more of the best classes than there are, which Caffe refuses,
    looks at all of them.

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
    return merged(changes)


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
    """A free name for a classifier whose weights no longer fit: the old with `_change` after it."""
    base = classifier.name.removesuffix("_change") + "_change"
    return unique_name(base, {*net.blob_names, *(layer.name for layer in net.layers)})


def rename_classifier(net: Net, classifier: Layer, name: str) -> Change:
    """Give a classifier and its top another name, with all who read it.

    Raises:
        SurgeryError: the name is taken by another blob.
    """
    return merged([layers.rename(classifier, name), blobs.rename(net, classifier, 0, name)])


def fill(classifier: Layer, filler: NewFields) -> Change:
    """Let a classifier's weights begin as a filler says.

    Raises:
        SurgeryError: the classifier does not state its outputs.
    """
    message = _with_outputs(classifier)
    old = message.message("weight_filler")
    if old is None:
        return fields.add_inside(message, [("weight_filler", list(filler))])
    names = {name for name, _ in filler}
    others = [each for field in old.fields if field.name not in names for each in field.entries]
    present = [(name, value) for name, value in filler if old.entry(name)]
    missing = [(name, value) for name, value in filler if not old.entry(name)]
    return merged(
        [
            *(fields.put(old, name, value) for name, value in present),
            fields.take_out(others, "delete"),
            fields.add_inside(old, missing),
        ]
    )


def learn_faster(classifier: Layer, factor: Decimal) -> Change:
    """Multiply the learning rates of a classifier; give each learnable blob one that lacks it.

    A `param` that shares its blob by name stays as it is.
    """
    return rates.multiply(classifier, factor, learnable_blobs(classifier))


def learnable_blobs(layer: Layer) -> int:
    """The number of blobs that a layer with weights learns: one less without a bias."""
    bias = layer.setting(CLASSIFIER_TYPES[layer.type], "bias_term")
    return 1 if literals.boolean(bias) is False else 2
