"""A head with a convolutional classifier, converted to an InnerProduct on pooled features.

SqueezeNet and NiN classify every position of an image by a Convolution and average the scores:
the global pooling moves below the classifier, and the layers between the two (a ReLU on scores)
go. MobileNet and DenseNet classify pooled features by a 1x1 Convolution: only its type changes.
The hash layer comes with a new name for the classifier, so Caffe does not copy its old weights,
whose shape differs.
"""

from __future__ import annotations

from dataclasses import dataclass

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.messages.v0_fields import place_in_v0, place_in_v1
from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Entry, Message
from ssdh_surgery.prototxt.edits import Edit
from ssdh_surgery.surgery.core.change import Change, merge, path_of, path_of_message
from ssdh_surgery.surgery.core.step import Delete, Insert
from ssdh_surgery.surgery.verbs import fields, layers
from ssdh_surgery.surgery.verbs.fields import Removal, copy_fields
from ssdh_surgery.surgery.verbs.spelling import type_word

# Layers that may come between a convolutional classifier and the pooling of its scores.
_BETWEEN = frozenset(["BatchNorm", "Bias", "Dropout", "PReLU", "ReLU", "Scale", "Sigmoid"])


@dataclass(frozen=True)
class Conversion:
    """A change that turns a classifier into an InnerProduct, with notes for the user.

    `features` is the blob that it reads afterwards; `removed` are the layers taken out.
    """

    change: Change
    features: str
    removed: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = ()


def to_inner_product(net: Net, head: Head, how: Removal) -> Conversion:
    """Turn a head's Convolution into an InnerProduct on pooled features; no change otherwise.

    Args:
        net: a train or deploy net of any dialect.
        head: the head to convert.
        how: how layers and fields are taken out.

    Raises:
        SurgeryError: the Convolution classifies positions, and no pooling averages them.
    """
    classifier = head.classifier
    if classifier.type != "Convolution":
        return Conversion(Change(), head.features)
    graphs = net.graphs_with(classifier)
    above = _pooling_above(net, graphs[0], classifier)
    if above is not None:
        return _pool_below(graphs, head, above, how)
    if not _sees_all(net, classifier):
        raise SurgeryError(
            f"the classifier '{classifier.name}' is a Convolution whose scores no global pooling "
            "averages: it classifies positions, not images",
            location=classifier.location,
            hint="--head names another classifier",
            layer=classifier.name,
        )
    note = f"the classifier '{classifier.name}' was a Convolution: it becomes an InnerProduct"
    return Conversion(_as_inner_product(classifier, how), head.features, (), (note,))


def _pooling_above(net: Net, graph: BlobGraph, classifier: Layer) -> list[Layer] | None:
    """The layers from a classifier's scores up to and including their global pooling."""
    layers: list[Layer] = []
    blob = graph.writes(classifier)[0]
    while True:
        readers = [reader for reader, _ in graph.consumers(blob)]
        if len(readers) != 1 or readers[0].type not in (*_BETWEEN, "Pooling"):
            return None
        (layer,) = readers
        if not layer.tops:
            return None
        layers.append(layer)
        if layer.type == "Pooling":
            return layers if _is_global(net, layer) else None
        blob = graph.writes(layer)[0]


def _is_global(net: Net, pooling: Layer) -> bool:
    """Whether a pooling leaves one position, by its settings or by its shapes."""
    param = pooling.core.message("pooling_param")
    if param is not None and literals.boolean(param.string("global_pooling")):
        return True
    return _has_one_position(net, pooling)


def _sees_all(net: Net, classifier: Layer) -> bool:
    """Whether a Convolution has one position: its bottom has one, or its kernel covers all."""
    for graph in net.graphs_with(classifier):
        blob = graph.reads(classifier)[0]
        while blob and blob.writer and blob.writer.is_in_place():
            blob = graph.reads(blob.writer)[0]
        below = blob.writer if blob else None
        if below is not None and below.type == "Pooling" and _is_global(net, below):
            return True
    return _has_one_position(net, classifier)


def _has_one_position(net: Net, layer: Layer) -> bool:
    for graph in net.graphs_with(layer):
        top = shapes(net, graph.state).of(layer).tops[0]
        if top is not None:
            return len(top) == 4 and top[2:] == (1, 1)
    return False


def _pool_below(
    graphs: list[BlobGraph], head: Head, above: list[Layer], how: Removal
) -> Conversion:
    """Move the pooling below the classifier; the readers of its blob read the scores."""
    classifier, pooling = head.classifier, above[-1]
    for graph in graphs:
        for layer in above:
            if not graph.takes_part(layer):
                raise SurgeryError(
                    f"layer '{layer.name}' is not in every phase that the classifier "
                    f"'{classifier.name}' is in",
                    location=layer.location,
                    layer=layer.name,
                )
    bottom = classifier.outer.entry("bottom")
    assert bottom is not None, "a head's classifier has features"
    change = merge(
        [
            layers.copy_before(classifier, pooling, head.features),
            _as_inner_product(classifier, how),
            fields.set_value(bottom, pooling.tops[0]),
            *(
                fields.set_value(entry, classifier.tops[0])
                for entry in _mentions(graphs, pooling, {layer.index for layer in above})
            ),
            layers.take_out(above, how),
        ]
    )
    between = [layer.name for layer in above[:-1]]
    are = "is" if len(between) == 1 else "are"
    removed = f"; {', '.join(between)} between them {are} removed" if between else ""
    note = (
        f"the classifier '{classifier.name}' was a Convolution with the global pooling "
        f"'{pooling.name}' after it: it becomes an InnerProduct on the pooled features{removed}"
    )
    return Conversion(change, pooling.tops[0], tuple(above), (note,))


def _mentions(graphs: list[BlobGraph], pooling: Layer, removed: set[int]) -> list[Entry]:
    """The entries above a pooling that name its blob: bottoms, and tops of in-place layers."""
    entries: dict[Entry, None] = {}
    for graph in graphs:
        for blob in graph.chain(graph.writes(pooling)[0]):
            if blob.writer is not None and blob.writer.index not in removed:
                entries[blob.writer.outer.entries("top")[blob.top]] = None
            for reader, bottom in graph.consumers(blob):
                entries[reader.outer.entries("bottom")[bottom]] = None
    return list(entries)


def _as_inner_product(classifier: Layer, how: Removal) -> Change:
    """Change the type, and keep the settings that an InnerProduct has, too."""
    kind = classifier.core.entry("type")
    assert kind is not None, "a classifier has a type"
    change = fields.set_value(kind, type_word("InnerProduct", classifier.dialect))
    if classifier.dialect is Dialect.V0:
        geometry = [
            entry
            for field in classifier.core.fields
            if place_in_v1("conv", field.name) and not place_in_v1("innerproduct", field.name)
            for entry in field.entries
        ]
        return merge([change, fields.take_out(geometry, how)])
    param = classifier.core.entry("convolution_param")
    if param is None or not isinstance(param.value, Message):
        raise SurgeryError(
            f"the classifier '{classifier.name}' does not state its num_output",
            location=classifier.location,
            layer=classifier.name,
        )
    return merge([change, _rename_param(param, param.value, how)])


def _rename_param(param: Entry, message: Message, how: Removal) -> Change:
    """Turn `convolution_param` into `inner_product_param` in its place."""
    document = param.document
    start = document.offsets[param.field.first]
    geometry = [
        entry
        for field in message.fields
        if not _is_of_inner_product(field.name)
        for entry in field.entries
    ]
    kept = [(name, value) for name, value in copy_fields(message) if _is_of_inner_product(name)]
    edits = [
        Edit(start, start + len(param.field.name), "inner_product_param"),
        *fields.take_out(geometry, how).edits,
    ]
    parent = path_of_message(param.field.parent)
    return Change.of(
        edits, [Delete(path_of(param)), Insert((*parent, ("inner_product_param", 0)), kept)]
    )


def _is_of_inner_product(name: str) -> bool:
    """Whether a setting of a Convolution has the same meaning for an InnerProduct."""
    return place_in_v0("innerproduct", "inner_product_param", name) is not None
