"""A train net from a deploy net: data layers, fillers, learning rates, loss and accuracy.

What the deploy net says stays as it is, with these exceptions: its input and its Softmax
go, and layers get what a train net needs and they lack.

Fillers: `msra` for convolutions, `xavier` for inner products, where none is stated and the
layer learns. Weights that are copied replace them; what is not copied would begin at zero.

BatchNorm: its three blobs are measured and get `lr_mult: 0 decay_mult: 0`. A frozen layer
has `use_global_stats: true`, so that it does in training what it will do in use. One that
goes on learning loses a `use_global_stats: true`: the phase decides, as in the training
that the weights come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import Head, num_output
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net, unique_name
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.caffe.shapes import NetShapes
from ssdh_surgery.errors import SurgeryError, UnknownLayer, did_you_mean
from ssdh_surgery.prototxt.render import NewFields, Word
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.verbs import fields, layers, rates
from ssdh_surgery.surgery.verbs.fields import Removal

# What a deploy net may do with its classifier's scores; a loss does it itself, or needs no other
# shape.
_OF_SCORES = frozenset(["ArgMax", "Flatten", "LogSoftmax", "Reshape", "Softmax"])
_FILLERS = {
    "Convolution": ("convolution_param", "msra"),
    "Deconvolution": ("convolution_param", "msra"),
    "InnerProduct": ("inner_product_param", "xavier"),
}
_LABEL = "label"
_INPUT_FIELDS = ("input", "input_dim", "input_shape")
# The statistics of fewer pictures are rough.
_SMALL_BATCH = 16


@dataclass(frozen=True)
class Transform:
    """What is done to the pixels of a record; None and False leave them as they are.

    `mean` is a file, or values per channel in the order of the records (blue, green, red).
    """

    crop: int | None = None
    mean: str | Sequence[Decimal] | None = None
    scale: Decimal | None = None
    mirror: bool = False

    def fields(self, phase: Phase) -> NewFields:
        """The transform in a phase: only training mirrors."""
        new: list[tuple[str, object]] = []
        if self.mirror:
            new.append(("mirror", phase == "TRAIN"))
        if self.crop:
            new.append(("crop_size", self.crop))
        if isinstance(self.mean, str):
            new.append(("mean_file", self.mean))
        elif self.mean is not None:
            new += [("mean_value", value) for value in self.mean]
        if self.scale is not None:
            new.append(("scale", self.scale))
        return new


@dataclass(frozen=True)
class Records:
    """The LMDB of one phase, and how many of its records make a batch."""

    source: str
    batch: int


@dataclass(frozen=True)
class Trainable:
    """A change that makes a train net of a deploy net, and what a user should know."""

    change: Change
    notes: tuple[str, ...]


def only_input(net: Net) -> str:
    """The one blob that a deploy net is given.

    Raises:
        SurgeryError: it is given none, or several.
    """
    names = [*net.inputs, *(top for layer in net.layers if layer.is_data for top in layer.tops)]
    if len(names) != 1:
        told = ", ".join(names) or "none"
        raise SurgeryError(
            f"{net.file}: data layers can be made for one input, and the net has {told}"
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
) -> Trainable:
    """Make a train net of a deploy net of the current dialect.

    Args:
        net: the deploy net.
        head: its classifier.
        shapes: the net's shapes in phase TEST, for the blobs that each layer learns.
        data: the records of TRAIN and TEST.
        transform: what is done to their pixels.
        freeze: the blob or layer that, with all that it depends on, does not learn.
        remove: how things go.

    Raises:
        SurgeryError: the net has several inputs, ends in something else than a Softmax, or
            the layer to freeze is not below the classifier.
    """
    blob, label = only_input(net), unique_name(_LABEL, net.blob_names)
    graph = net.graph("TEST")
    ends = _probabilities(graph, head.classifier)
    frozen = _frozen(net, graph, head, freeze)
    sources = [layer for layer in net.layers if layer.is_data]
    inputs = [entry for name in _INPUT_FIELDS for entry in net.root.entries(name)]
    learned = [layer for layer in graph.layers if layer not in sources]
    batch_norms = [layer for layer in learned if layer.type == "BatchNorm"]
    change = merged(
        [
            layers.insert_before(net.layers[0], _data_layers(blob, label, data, transform)),
            fields.take_out(inputs, remove),
            layers.take_out([*sources, *ends], remove),
            layers.insert_after(net.layers[-1], _judges(net, head.classifier, label)),
            *(_filler(layer) for layer in learned if layer.index not in frozen),
            *(
                _fixed(layer, len(shapes.of(layer).params or ()))
                for layer in learned
                if layer.index in frozen or layer in batch_norms
            ),
            *(_statistics(layer, layer.index in frozen, remove) for layer in batch_norms),
        ]
    )
    notes = [
        *_frozen_notes(freeze, learned, frozen),
        *_statistics_notes(batch_norms, frozen, data[0].batch),
    ]
    return Trainable(change, tuple(notes))


def _probabilities(graph: BlobGraph, classifier: Layer) -> list[Layer]:
    """The layers above the classifier, which a loss makes needless."""
    above = [
        layer
        for layer in graph.layers
        if layer.index != classifier.index and classifier.index in graph.below([layer])
    ]
    for layer in above:
        if layer.type not in _OF_SCORES:
            raise SurgeryError(
                f"the scores of '{classifier.name}' go through '{layer.name}' ({layer.type}); "
                "only a Softmax can become a SoftmaxWithLoss",
                location=layer.location,
                hint="write the train net by hand, and patch that",
                layer=layer.name,
            )
    return above


def _frozen(net: Net, graph: BlobGraph, head: Head, name: str | None) -> set[int]:
    """The indices of layers that do not learn: all that a blob depends on."""
    if name is None:
        return set()
    named = net.named(name)
    blob = graph.last(named[0].tops[0] if named and named[0].tops else name)
    if blob is None or blob.writer is None:
        known = [*net.blob_names, *(layer.name for layer in net.layers)]
        raise UnknownLayer(
            f"{net.file}: no layer or blob to freeze is called '{name}'",
            hint=did_you_mean(name, known),
            layer=name,
        )
    if blob.writer.index not in graph.below([head.classifier]) - {head.classifier.index}:
        raise SurgeryError(
            f"'{name}' is not below the classifier '{head.classifier.name}'",
            location=blob.writer.location,
            hint="freeze layers that the features depend on",
            layer=name,
        )
    return graph.below([blob.writer])


def _data_layers(
    blob: str, label: str, data: tuple[Records, Records], transform: Transform
) -> list[NewFields]:
    phases: tuple[Phase, Phase] = ("TRAIN", "TEST")
    return [
        [
            ("name", blob),
            ("type", "Data"),
            ("top", blob),
            ("top", label),
            ("include", [("phase", Word(phase))]),
            *_present("transform_param", transform.fields(phase)),
            (
                "data_param",
                [
                    ("source", records.source),
                    ("batch_size", records.batch),
                    ("backend", Word("LMDB")),
                ],
            ),
        ]
        for phase, records in zip(phases, data, strict=True)
    ]


def _present(name: str, message: NewFields) -> NewFields:
    return [(name, message)] if message else []


def _judges(net: Net, classifier: Layer, label: str) -> list[NewFields]:
    """The loss, and the accuracy in testing."""
    taken = [*net.blob_names, *(layer.name for layer in net.layers)]
    scores = classifier.tops[0]
    made: list[NewFields] = []
    for wanted, kind in (("loss", "SoftmaxWithLoss"), ("accuracy", "Accuracy")):
        name = unique_name(wanted, taken)
        layer: list[tuple[str, object]] = [
            ("name", name),
            ("type", kind),
            ("bottom", scores),
            ("bottom", label),
            ("top", name),
        ]
        if kind == "Accuracy":
            layer.append(("include", [("phase", Word("TEST"))]))
        made.append(layer)
    return made


def _filler(layer: Layer) -> Change:
    """The first values of a layer's weights, where it states none."""
    name, kind = _FILLERS.get(layer.type, ("", ""))
    message = layer.core.message(name) if name else None
    if message is None or message.entry("weight_filler"):
        return Change()
    return fields.add_inside(message, [("weight_filler", [("type", kind)])])


_FIXED = {"lr_mult": 0, "decay_mult": 0}


def _fixed(layer: Layer, blobs: int) -> Change:
    """A layer whose blobs do not learn, and do not decay."""
    return rates.put(layer, [_FIXED] * max(blobs, len(layer.params)))


def _statistics(layer: Layer, is_frozen: bool, remove: Removal) -> Change:
    """A BatchNorm with its own statistics where it is frozen, else as the phase says."""
    message = layer.core.message("batch_norm_param")
    if is_frozen:
        new: NewFields = [("use_global_stats", True)]
        if message is None:
            return fields.add_inside(layer.core, [("batch_norm_param", new)])
        return fields.put_all(message, new)
    entries = message.entries("use_global_stats") if message else []
    return fields.take_out(entries, remove)


def _frozen_notes(freeze: str | None, learned: Sequence[Layer], frozen: set[int]) -> Iterable[str]:
    if frozen:
        count = sum(num_output(layer) is not None for layer in learned if layer.index in frozen)
        yield (
            f"frozen up to '{freeze}': {count} layers with weights have lr_mult 0, and "
            "Caffe does not go back through them"
        )


def _statistics_notes(batch_norms: Sequence[Layer], frozen: set[int], batch: int) -> Iterable[str]:
    own = sum(layer.index in frozen for layer in batch_norms)
    if own:
        yield (
            f"{own} frozen BatchNorm layers have use_global_stats: in training they do what they "
            "do in use"
        )
    if len(batch_norms) > own:
        rough = f"; of {batch} pictures these are rough: --train-batch, or --freeze"
        yield (
            f"{len(batch_norms) - own} BatchNorm layers go on learning: in TRAIN they use the "
            f"batch's statistics{rough if batch < _SMALL_BATCH else ''}"
        )
