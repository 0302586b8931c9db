"""A classifier's settings: its outputs, its filler, its rates, and its name.

Caffe copies weights by layer name and stops where the shapes differ: a classifier with another
number of outputs needs a new name, and then starts from its filler.
"""

from __future__ import annotations

from decimal import Decimal
from math import prod

from ssdh_surgery.caffe.messages.schema import descriptor
from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.caffe.net.outputs import CLASSIFIER_TYPES, classifier_settings
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Message
from ssdh_surgery.prototxt.render import NewFields
from ssdh_surgery.surgery.core.change import Change, merge, path_of_message
from ssdh_surgery.surgery.verbs import blobs, fields, layers, rates

# Added to the name of a layer whose old weights no longer fit.
CHANGED = "_change"


def set_classes(head: Head, classes: int) -> Change:
    """Set the number of outputs of a head's classifier, which keeps its name.

    An Accuracy whose `top_k` exceeds the number of classes, which Caffe refuses, gets all of
    them.

    Raises:
        SurgeryError: the classifier is of a fork's type, with settings of its own.
    """
    changes = [_put(head.classifier, "num_output", classes)]
    for accuracy in head.accuracies:
        param = accuracy.core.message("accuracy_param")
        top = integer(param, "top_k", 1)
        if param is not None and top is not None and top > classes:
            changes.append(fields.put(param, "top_k", classes))
    return merge(changes)


def _put(classifier: Layer, name: str, value: object) -> Change:
    """Set a field of the settings in which a classifier states its outputs."""
    message = classifier_settings(classifier)
    if classifier.is_foreign and (message is None or not _is_in_schema(message)):
        raise SurgeryError(
            f"the {name} of '{classifier.name}' cannot be set: {classifier.type} is not one of "
            "Caffe's types, and where it has its settings is unknown",
            location=classifier.location,
            hint=f"edit its {name} by hand, then patch without this option",
            layer=classifier.name,
        )
    if message is not None:
        return fields.put(message, name, value)
    settings = CLASSIFIER_TYPES[classifier.type]
    return fields.add_inside(classifier.core, [(settings, [(name, value)])])


def _is_in_schema(message: Message) -> bool:
    """Whether the gate can read a new value strictly: a fork's own message it cannot."""
    name, _ = path_of_message(message)[-1]
    return name in descriptor("LayerParameter").fields_by_name


def refuse_divided(net: Net, head: Head, classes: int) -> None:
    """Refuse to change the number of classes where a layer above divides the scores by count.

    Raises:
        SurgeryError: a Slice cuts the scores, or a Reshape states sizes for them.
    """
    classifier, outputs = head.classifier, head.classes
    if outputs in (None, classes):
        return
    for graph in net.graphs_with(classifier):
        pending = list(graph.writes(classifier)[:1])
        while pending:
            for layer, _ in graph.consumers(pending.pop()):
                rule = LAYER_RULES.get(layer.type)
                if layer.is_loss or (rule is not None and not rule.keeps_width):
                    continue
                if layer.type == "Slice" or layer.type == "Reshape":
                    _refuse_if_divided(net, graph.state, layer, head)
                pending += graph.writes(layer)


def _refuse_if_divided(net: Net, state: State, layer: Layer, head: Head) -> None:
    if layer.type == "Slice":
        param = layer.parameter.slice_param
        # Caffe reads slice_dim as the older spelling of axis.
        axis = param.slice_dim if param.HasField("slice_dim") else param.axis
        is_divided = axis != 0
    else:
        is_divided = not _keeps_classes(net, state, layer, head.classes or 0)
    if is_divided:
        what = "cuts its scores" if layer.type == "Slice" else "gives its scores fixed sizes"
        raise SurgeryError(
            f"the number of classes of '{head.classifier.name}' cannot be changed: {layer.type} "
            f"layer '{layer.name}' {what}",
            location=layer.location,
            hint=f"edit '{layer.name}' and num_output by hand, then patch without --classes",
            layer=layer.name,
        )


def _keeps_classes(net: Net, state: State, reshape: Layer, classes: int) -> bool:
    """Whether a Reshape leaves the classes on one axis, whose size it does not state."""
    param = reshape.parameter.reshape_param
    sizes = list(param.shape.dim)
    if param.axis or param.num_axes != -1:
        return False
    layer_shapes = shapes(net, state).of(reshape)
    bottom, top = layer_shapes.bottoms[0], layer_shapes.tops[0]
    if bottom is None or top is None:
        return all(size in (-1, 0, 1) for size in sizes)
    return any(
        top[axis] == classes and sizes[axis] in (-1, 0) and prod(top[:axis]) == prod(bottom[:own])
        for own in range(1, len(bottom))
        if bottom[own] == classes
        for axis in range(1, len(top))
    )


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
        SurgeryError: the classifier is of a fork's type, with settings of its own.
    """
    return _put(classifier, "weight_filler", filler)


def learn_faster(classifier: Layer, factor: Decimal) -> Change:
    """Multiply the learning rates of a classifier, adding a rate where a param has none.

    A `param` that shares its weights by name stays unchanged. The number of params of a type that
    is not Caffe's is unknown: only those that the text states change.
    """
    if classifier.is_foreign:
        return rates.multiply(classifier, factor, 0)
    has_bias = classifier.setting(CLASSIFIER_TYPES[classifier.type], "bias_term")
    params = 1 if literals.boolean(has_bias) is False else 2
    return rates.multiply(classifier, factor, params)
