"""A train net from a deploy net: data layers, fillers, learning rates, loss and accuracy.

The deploy net stays as it is, except that its input and its Softmax go, and that layers get
what they lack for training (see `learning`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.derive.learning import (
    add_filler,
    freeze_notes,
    frozen_layers,
    set_statistics,
    statistics_notes,
    stop_learning,
)
from ssdh_surgery.surgery.derive.records import Records, Transform, data_layers
from ssdh_surgery.surgery.verbs import fields, inputs, layers
from ssdh_surgery.surgery.verbs.fields import Removal

# Layers on the scores of a deploy net that a train net does without: a loss does the same
# itself, or accepts any shape.
_ON_SCORES = frozenset(["ArgMax", "Flatten", "LogSoftmax", "Reshape", "Softmax"])
_LABEL = "label"


@dataclass(frozen=True)
class TrainDerivation:
    """A change that turns a deploy net into a train net, with notes for the user."""

    change: Change
    notes: tuple[str, ...]


def only_input(net: Net) -> str:
    """The only input blob of a deploy net.

    Raises:
        SurgeryError: it has none, or several.
    """
    names = [*net.inputs, *(top for layer in net.layers if layer.is_data for top in layer.tops)]
    if len(names) != 1:
        raise SurgeryError(
            f"{net.file}: data layers need a net with one input, and this one has "
            f"{', '.join(names) or 'none'}"
        )
    return names[0]


def derive_train_net(
    net: Net,
    head: Head,
    shapes: NetShapes,
    data: tuple[Records, Records],
    transform: Transform,
    freeze: str | None,
    remove: Removal,
) -> TrainDerivation:
    """Turn a deploy net of the current dialect into a train net.

    Args:
        net: the deploy net.
        head: its classifier.
        shapes: the shapes of the net in phase TEST, which give the params of each layer.
        data: the records of TRAIN and TEST.
        transform: the transform of their pixels.
        freeze: the blob or layer that does not learn, with all that it depends on.
        remove: how fields and layers are taken out.

    Raises:
        SurgeryError: the net has several inputs, does not end in a Softmax, or the layer to
            freeze is not below the classifier.
    """
    blob, label = only_input(net), unique_name(_LABEL, net.blob_names)
    graph = net.graph("TEST")
    on_scores = _layers_on_scores(graph, head.classifier)
    frozen = frozen_layers(net, graph, head, freeze)
    sources = [layer for layer in net.layers if layer.is_data]
    others = [layer for layer in graph.layers if layer not in sources]
    batch_norms = [layer for layer in others if layer.type == "BatchNorm"]
    change = merge(
        [
            layers.insert_before(net.layers[0], data_layers(blob, label, data, transform)),
            fields.take_out(inputs.input_entries(net), remove),
            layers.take_out([*sources, *on_scores], remove),
            layers.insert_after(net.layers[-1], _loss_and_accuracy(net, head.classifier, label)),
            *(add_filler(layer) for layer in others if layer.index not in frozen),
            *(
                stop_learning(layer, len(shapes.of(layer).params or ()))
                for layer in others
                if layer.index in frozen or layer in batch_norms
            ),
            *(set_statistics(layer, layer.index in frozen, remove) for layer in batch_norms),
        ]
    )
    notes = [
        *freeze_notes(freeze, others, frozen),
        *statistics_notes(batch_norms, frozen, data[0].batch),
    ]
    return TrainDerivation(change, tuple(notes))


def _layers_on_scores(graph: BlobGraph, classifier: Layer) -> list[Layer]:
    """The layers above the classifier, which a loss replaces."""
    above = [
        layer
        for layer in graph.layers
        if layer.index != classifier.index and classifier.index in graph.below([layer])
    ]
    for layer in above:
        if layer.type not in _ON_SCORES:
            raise SurgeryError(
                f"the scores of '{classifier.name}' go through '{layer.name}' ({layer.type}); "
                "only a Softmax can become a SoftmaxWithLoss",
                location=layer.location,
                hint="write the train net by hand, and patch that",
                layer=layer.name,
            )
    return above


def _loss_and_accuracy(net: Net, classifier: Layer, label: str) -> list[NewFields]:
    """The loss, and the accuracy in phase TEST."""
    new: list[NewFields] = []
    for base, kind in (("loss", "SoftmaxWithLoss"), ("accuracy", "Accuracy")):
        name = unique_name(base, net.names)
        layer: list[tuple[str, object]] = [
            ("name", name),
            ("type", kind),
            ("bottom", classifier.tops[0]),
            ("bottom", label),
            ("top", name),
        ]
        if kind == "Accuracy":
            layer.append(("include", [("phase", Word("TEST"))]))
        new.append(layer)
    return new
