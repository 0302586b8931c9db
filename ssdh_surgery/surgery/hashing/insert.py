"""Inserting a hash layer: a latent layer and its Sigmoid between features and classifier.

In a train net the classifier also gets a new name, since Caffe copies weights by name, and
learns faster; the layers that read its output follow. In a deploy net the hash layer takes the
place of the classifier, with the layers that only the classifier needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ssdh_surgery.caffe.net.blobs import BlobGraph
from ssdh_surgery.caffe.net.heads import Head, heads
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.outputs import CLASSIFIER_TYPES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError, UnknownLayer
from ssdh_surgery.location import Location
from ssdh_surgery.prototxt import literals
from ssdh_surgery.prototxt.cst import Entry, Scalar
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.hashing.classifier import CHANGED, learn_faster
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.verbs import blobs, fields, layers
from ssdh_surgery.surgery.verbs.fields import Removal
from ssdh_surgery.surgery.verbs.layers import phase_rules
from ssdh_surgery.surgery.verbs.unread_blobs import Cut, unread_layers

# Layers that make scores of the outputs of a classifier.
_SCORES = frozenset(["ArgMax", "LogSoftmax", "Sigmoid", "Softmax"])


@dataclass(frozen=True)
class HashInsertion:
    """A change that inserts a hash layer, with notes for the user.

    `features` is the blob that is hashed, and `classifier` the classifier's name afterwards,
    empty if the net has none;
    `removed` are the layers that no loss, accuracy or code needs any more.
    """

    change: Change
    features: str
    classifier: str
    removed: tuple[Layer, ...] = ()
    notes: tuple[str, ...] = ()


def features_blob(net: Net, head: Head, at: str | None) -> str:
    """The blob to hash: the head's features, or the blob `at`.

    The name of a layer means its first top.

    Raises:
        UnknownLayer: no blob or layer has that name.
        SurgeryError: the blob is not below the classifier.
    """
    if at is None or at == head.features:
        return head.features
    name = at
    if at not in net.blob_names:
        named = net.named(at)
        if not named or not named[0].tops:
            raise UnknownLayer(
                f"no blob or layer is called '{at}'",
                location=Location(net.file),
                hint=net.name_hint(at),
                blob=at,
            )
        name = named[0].tops[0]
    graph = _graph_of(net, head.classifier)
    below = graph.below([head.classifier])
    read = {blob for layer in graph.layers if layer.index in below for blob in layer.bottoms}
    if name not in read:
        raise SurgeryError(
            f"blob '{name}' is not below the classifier '{head.classifier.name}'",
            location=head.classifier.location,
            hint="choose a blob that the classifier depends on",
            blob=name,
        )
    return name


def _graph_of(net: Net, layer: Layer) -> BlobGraph:
    if graphs := net.graphs_with(layer):
        return graphs[0]
    raise SurgeryError(f"layer '{layer.name}' is in no phase", location=layer.location)


def hash_train_net(net: Net, head: Head, recipe: Recipe, at: str | None = None) -> HashInsertion:
    """Insert a hash layer into a train net or a test net.

    Args:
        net: the net; every phase that the classifier is in is changed.
        head: the head that learns from the codes; other heads stay unchanged.
        recipe: the hash layer to insert.
        at: the blob to hash instead of the head's features.

    Raises:
        SurgeryError: a name is taken, or the blob cannot be hashed.
    """
    classifier = head.classifier
    features = features_blob(net, head, at)
    new_name = recipe.classifier_name or f"{classifier.name}{CHANGED}"
    refuse_taken(net, [recipe.latent_name, recipe.code_name, new_name], allowed=classifier)
    stops = [each for each in classifier.outer.entries("propagate_down") if _is_false(each)]
    axis, axis_change = _code_axis(net, head, features, recipe.remove)
    rules = phase_rules(classifier)
    new = recipe.train_layers(features, rules, propagates=not stops, axis=axis)
    is_lower = features != head.features
    unused = unread_layers(net, cut=Cut(classifier, features)) if is_lower else []
    notes = [_frozen_note(classifier)] if _is_frozen(classifier) else []
    notes += [_rates_note(classifier)] if classifier.is_foreign else []
    notes += [_stopped_note(classifier, recipe.latent_name)] if stops else []
    change = merge(
        [
            layers.replace(classifier, unused, new, recipe.remove, recipe.banner),
            layers.rename(classifier, new_name),
            blobs.rewire(classifier, 0, recipe.code_name),
            blobs.rename(net, classifier, 0, new_name),
            learn_faster(classifier, recipe.classifier_lr),
            fields.take_out(stops, recipe.remove),
            axis_change,
        ]
    )
    return HashInsertion(change, features, new_name, tuple(unused), tuple(notes))


def refuse_taken(net: Net, names: Iterable[str], allowed: Layer | None = None) -> None:
    """Refuse names that a layer or blob of the net already has.

    Args:
        net: the net.
        names: the new names.
        allowed: a layer that may have them.

    Raises:
        SurgeryError: a name is taken, or two of them are equal.
    """
    new = list(names)
    for layer in net.layers:
        for name in new:
            if name in (layer.name, *layer.tops) and layer is not allowed:
                raise SurgeryError(
                    f"the name '{name}' is already taken by layer '{layer.name}'",
                    location=layer.location,
                    hint="choose others with --latent-name, --code-name, --classifier-name",
                    layer=layer.name,
                )
    if len(set(new)) < len(new):
        raise SurgeryError(f"the new names must differ: {', '.join(new)}")


def _sinks(graph: BlobGraph) -> list[Layer]:
    """The layers that a net is run for: those with an unread top, or without tops."""
    return [
        layer
        for layer in graph.layers
        if not layer.tops or any(not graph.consumers(blob) for blob in graph.writes(layer))
    ]


def _is_frozen(classifier: Layer) -> bool:
    return bool(classifier.params) and all(param.lr_mult == 0 for param in classifier.params)


def _frozen_note(classifier: Layer) -> str:
    return (
        f"the classifier '{classifier.name}' has lr_mult 0: under its new name it starts "
        "from its filler and does not learn"
    )


def _rates_note(classifier: Layer) -> str:
    which = "only the stated ones" if classifier.params else "none is stated, so none"
    return (
        f"'{classifier.name}' is of type {classifier.type}, which is not one of Caffe's: of its "
        f"learning rates {which} are multiplied"
    )


def _is_false(entry: Entry) -> bool:
    return isinstance(entry.value, Scalar) and literals.boolean(entry.value.text) is False


def _code_axis(net: Net, head: Head, features: str, remove: Removal) -> tuple[int | None, Change]:
    """The axis of a latent layer, from that of its classifier, and the change of the latter.

    A latent layer computes its codes from the same axes as the classifier its scores: over a
    sequence, `axis: 2` of times x batch x features gives one code per time and item. A code
    has no axes behind its bits, so that the classifier counts its own from the front.

    Returns:
        The axis for the latent layer, None for Caffe's default, 1.
    """
    settings = CLASSIFIER_TYPES.get(head.classifier.type)
    inner = head.classifier.core.message(settings) if settings else None
    entry = inner.entry("axis") if inner else None
    axis = integer(inner, "axis", 1)
    if entry is None or axis is None or axis == 1:
        return None, Change()
    rank = _rank(net, head)
    front = axis + rank if rank is not None and axis < 0 else axis
    if front == 1 or (front < 0 and features != head.features):
        return None, Change() if axis == -1 else fields.take_out([entry], remove)
    if axis >= -1:
        return front, Change()
    return front, fields.set_value(entry, max(front, -1))


def _rank(net: Net, head: Head) -> int | None:
    """The number of axes of a head's features; None if unknown."""
    for graph in net.graphs_with(head.classifier):
        shape = shapes(net, graph.state).of(head.classifier).bottoms[0]
        if shape is not None:
            return len(shape)
    return None


def _stopped_note(classifier: Layer, latent: str) -> str:
    return (
        f"'{classifier.name}' blocked the gradient (propagate_down: false): now '{latent}' "
        "blocks it, so that the hash layer learns and the layers below do not"
    )


def hash_deploy_net(
    net: Net, head: Head, recipe: Recipe, at: str | None = None, *, binary: bool = False
) -> HashInsertion:
    """Insert a hash layer into a deploy net, in the place of its classifier.

    Layers that only serve the classifier are removed as well; other outputs stay, and the
    notes name them. `binary` adds a top of zeros and ones.

    Raises:
        SurgeryError: a name is taken, or the blob cannot be hashed.
    """
    classifier = head.classifier
    features = features_blob(net, head, at)
    axis, _ = _code_axis(net, head, features, recipe.remove)
    new = [*recipe.deploy_layers(features, axis), *([recipe.binary_layer()] if binary else [])]
    refuse_taken(net, [str(dict(layer)["name"]) for layer in new])
    graph = _graph_of(net, classifier)
    above = graph.above([classifier])
    roots = [layer for layer in _sinks(graph) if layer.index not in above]
    blob = graph.last(features)
    pending = [*roots, *([blob.writer] if blob and blob.writer else [])]
    needed = graph.below(pending)
    unused = [layer for layer in graph.layers if layer.index not in needed]
    change = layers.replace(classifier, unused, new, recipe.remove, recipe.banner)
    others = [top for layer in roots for top in layer.tops]
    notes = [f"other outputs of the net stay: {', '.join(others)}"] if others else []
    return HashInsertion(change, features, classifier.name, tuple(unused), tuple(notes))


def end_of_features(net: Net, features: str) -> Layer | None:
    """The last layer that writes a blob, in a deploy net that ends there: with its features.

    Nets of faces do. None where a classifier, or what makes scores of its outputs, is above the
    blob, or where the scores of a Convolution are below it.
    """
    graph = net.graph("TEST")
    named = net.named(features) if features not in net.blob_names else ()
    name = named[0].tops[0] if named and named[0].tops else features
    blob = graph.last(name)
    if blob is None or blob.writer is None:
        return None
    end = blob.writer
    above, below = graph.above([end]), graph.below([end])
    if any(layer.type in _SCORES for layer in graph.layers if layer.index in above):
        return None
    for head in heads(net):
        index = head.classifier.index
        if index in above - {end.index}:
            return None
        if index in below and head.classifier.type == "Convolution":
            return None
    return end


def hash_deploy_end(net: Net, end: Layer, recipe: Recipe, *, binary: bool = False) -> HashInsertion:
    """Add a hash layer behind the features that a deploy net ends with; nothing is taken out.

    Args:
        net: the deploy net.
        end: the layer that `end_of_features` found.
        recipe: the hash layer to insert.
        binary: add a top of zeros and ones.

    Raises:
        SurgeryError: a name is taken.
    """
    features = end.tops[0]
    new = [*recipe.deploy_layers(features), *([recipe.binary_layer()] if binary else [])]
    refuse_taken(net, [str(dict(layer)["name"]) for layer in new])
    others = [blob.name for blob in net.graph("TEST").outputs if blob.name != features]
    notes = [f"the net ends with its features: the hash layer is added on '{features}'"]
    notes += [f"other outputs of the net stay: {', '.join(others)}"] if others else []
    change = layers.insert_after(end, new, recipe.banner)
    return HashInsertion(change, features, "", (), tuple(notes))
