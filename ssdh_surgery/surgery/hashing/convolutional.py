"""A convolutional classifier made an InnerProduct on pooled features, to be hashed like others.

SqueezeNet and NiN classify every place of a picture by a Convolution and average after it:
the global pooling moves below the classifier, and what stood between the two goes (a ReLU on
scores). MobileNet and DenseNet classify pooled features by a 1x1 Convolution: its type alone
changes. The classifier gets another name when it is hashed, so its old weights, which have
another shape now, are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Entry, Message
from ssdh_surgery.prototxt.edits import Edit
from ssdh_surgery.surgery.core.change import Change, merged, path_of, path_of_message
from ssdh_surgery.surgery.core.step import Delete, Insert
from ssdh_surgery.surgery.verbs import fields, layers
from ssdh_surgery.surgery.verbs.copying import copied
from ssdh_surgery.surgery.verbs.fields import Removal
from ssdh_surgery.surgery.verbs.spelling import type_word

# What may stand between a convolutional classifier and the pooling of its scores.
_BETWEEN = frozenset(["BatchNorm", "Bias", "Dropout", "PReLU", "ReLU", "Scale", "Sigmoid"])
# What an InnerProduct takes over of a Convolution.
_KEPT = ("num_output", "bias_term", "weight_filler", "bias_filler")
_V0_PLACES = ("kernelsize", "stride", "pad", "group")


@dataclass(frozen=True)
class Converted:
    """A change that makes a classifier an InnerProduct, and what the user should know.

    `removed` are the layers that go; `features` is the blob that it reads then.
    """

    change: Change
    features: str
    removed: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = ()


def to_inner_product(net: Net, head: Head, how: Removal) -> Converted:
    """Make a head's Convolution an InnerProduct on pooled features; nothing to do for others.

    Args:
        net: a train or deploy net of any dialect.
        head: the head whose classifier it is.
        how: how layers and fields go.

    Raises:
        SurgeryError: it classifies places and nothing pools them.
    """
    classifier = head.classifier
    if classifier.type != "Convolution":
        return Converted(Change(), head.features)
    graphs = [net.graph(phase) for phase in PHASES if net.graph(phase).takes_part(classifier)]
    above = _pooling_above(net, graphs[0], classifier)
    if above is not None:
        return _pooled_below(graphs, head, above, how)
    if not _sees_all(net, classifier):
        raise SurgeryError(
            f"the classifier '{classifier.name}' is a Convolution whose scores no global pooling "
            "averages: it classifies places, not pictures",
            location=classifier.location,
            hint="--head names another classifier",
            layer=classifier.name,
        )
    note = f"the classifier '{classifier.name}' was a Convolution: it becomes an InnerProduct"
    return Converted(_as_inner_product(classifier, how), head.features, (), (note,))


def _pooling_above(net: Net, graph: BlobGraph, classifier: Layer) -> list[Layer] | None:
    """The layers from a classifier's scores to their global pooling, that one last."""
    found: list[Layer] = []
    blob = graph.writes(classifier)[0]
    while True:
        readers = [reader for reader, _ in graph.consumers(blob)]
        if len(readers) != 1 or readers[0].type not in (*_BETWEEN, "Pooling"):
            return None
        (layer,) = readers
        found.append(layer)
        if layer.type == "Pooling":
            return found if _is_global(net, layer) else None
        blob = graph.writes(layer)[0]


def _is_global(net: Net, pooling: Layer) -> bool:
    """Whether a pooling leaves one place: as it says, or as the shapes come out."""
    param = pooling.core.message("pooling_param")
    if param is not None and literals.boolean(param.string("global_pooling")):
        return True
    return _is_one_place(net, pooling)


def _sees_all(net: Net, classifier: Layer) -> bool:
    """Whether a Convolution gives one place: it reads one, or covers all that there are."""
    for phase in PHASES:
        graph = net.graph(phase)
        if graph.takes_part(classifier):
            blob = graph.reads(classifier)[0]
            while blob and blob.writer and blob.writer.is_in_place():
                blob = graph.reads(blob.writer)[0]
            below = blob.writer if blob else None
            if below is not None and below.type == "Pooling" and _is_global(net, below):
                return True
    return _is_one_place(net, classifier)


def _is_one_place(net: Net, layer: Layer) -> bool:
    for phase in PHASES:
        if net.graph(phase).takes_part(layer):
            top = shapes(net, phase).of(layer).tops[0]
            if top is not None:
                return len(top) == 4 and top[2:] == (1, 1)
    return False


def _pooled_below(
    graphs: list[BlobGraph], head: Head, above: list[Layer], how: Removal
) -> Converted:
    """The pooling goes below the classifier; who read its blob reads the scores."""
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
    change = merged(
        [
            layers.copy_before(classifier, pooling, head.features),
            _as_inner_product(classifier, how),
            fields.set_value(bottom, pooling.tops[0]),
            *(
                fields.set_value(entry, classifier.tops[0])
                for entry in _places(graphs, pooling, {layer.index for layer in above})
            ),
            layers.take_out(above, how),
        ]
    )
    between = [layer.name for layer in above[:-1]]
    gone = f"; {', '.join(between)} between them goes" if between else ""
    note = (
        f"the classifier '{classifier.name}' was a Convolution with the global pooling "
        f"'{pooling.name}' after it: it becomes an InnerProduct on the pooled features{gone}"
    )
    return Converted(change, pooling.tops[0], tuple(above), (note,))


def _places(graphs: list[BlobGraph], pooling: Layer, gone: set[int]) -> list[Entry]:
    """Where a pooling's blob is named above it, by its readers and what they write in place."""
    found: dict[Entry, None] = {}
    for graph in graphs:
        for blob in graph.chain(graph.writes(pooling)[0]):
            if blob.writer is not None and blob.writer.index not in gone:
                found[blob.writer.outer.entries("top")[blob.top]] = None
            for reader, bottom in graph.consumers(blob):
                found[reader.outer.entries("bottom")[bottom]] = None
    return list(found)


def _as_inner_product(classifier: Layer, how: Removal) -> Change:
    """The type, and of the parameters those that an InnerProduct has."""
    kind = classifier.core.entry("type")
    assert kind is not None, "a classifier has a type"
    typed = fields.set_value(kind, type_word("InnerProduct", classifier.dialect))
    if classifier.dialect is Dialect.V0:
        places = [entry for name in _V0_PLACES for entry in classifier.core.entries(name)]
        return merged([typed, fields.take_out(places, how)])
    param = classifier.core.entry("convolution_param")
    if param is None or not isinstance(param.value, Message):
        raise SurgeryError(
            f"the classifier '{classifier.name}' does not state its num_output",
            location=classifier.location,
            layer=classifier.name,
        )
    return merged([typed, _renamed_param(param, param.value, how)])


def _renamed_param(param: Entry, message: Message, how: Removal) -> Change:
    """`convolution_param` as `inner_product_param`, in its own place."""
    document = param.document
    start = document.offsets[param.field.first]
    gone = [entry for field in message.fields if field.name not in _KEPT for entry in field.entries]
    kept = [(name, value) for name, value in copied(message) if name in _KEPT]
    edits = [
        Edit(start, start + len(param.field.name), "inner_product_param"),
        *fields.take_out(gone, how).edits,
    ]
    parent = path_of_message(param.field.parent)
    return Change.of(
        edits, [Delete(path_of(param)), Insert((*parent, ("inner_product_param", 0)), kept)]
    )
