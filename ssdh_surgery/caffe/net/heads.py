"""Heads: which layer classifies, what judges it, and which features it reads.

Found by structure, never by name: a loss (or an accuracy, or in a deploy net the output)
leads down to the layer that classifies. A loss whose target comes from the same data as
its prediction (an autoencoder, a penalty on the code), or is learned as well (two branches
that are compared), has no classifier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES

# The message that holds num_output, by the type of a layer that can be a classifier.
CLASSIFIER_TYPES = {name: rule.settings for name, rule in LAYER_RULES.items() if rule.is_classifier}
_PASSED = frozenset(name for name, rule in LAYER_RULES.items() if rule.passes_to_judge)
_OUTPUT_PASSED = frozenset(name for name, rule in LAYER_RULES.items() if rule.passes_to_output)
_DISTANCES = frozenset(name for name, rule in LAYER_RULES.items() if rule.is_distance)


@dataclass(frozen=True)
class Head:
    """A classifier with its losses and accuracies; `features` is the blob that it reads.

    `weight` is the sum of its loss weights and `depth` the number of layers below it;
    `main` marks the one head that weighs most, or among equals lies deepest: of those that
    tell classes apart, where there are any.
    """

    classifier: Layer
    features: str
    losses: tuple[Layer, ...]
    accuracies: tuple[Layer, ...]
    weight: float
    depth: int
    main: bool = False

    @property
    def classes(self) -> int | None:
        """The number of outputs of the classifier."""
        return num_output(self.classifier)

    @property
    def is_regression(self) -> bool:
        """Whether all that judges it measures distances: it gives numbers, not classes."""
        return bool(self.losses) and all(
            judge.type in _DISTANCES for judge in (*self.losses, *self.accuracies)
        )

    @property
    def outputs(self) -> str:
        """What it gives, in words: `10 classes`."""
        return f"{self.classes or 'unknown'} {'numbers' if self.is_regression else 'classes'}"

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The classifier and all that judges it."""
        return (self.classifier, *self.losses, *self.accuracies)


@dataclass(frozen=True)
class HashLayer:
    """A latent InnerProduct with a Sigmoid on it, as this method puts below a classifier."""

    latent: Layer
    code: Layer

    @property
    def bits(self) -> int | None:
        """The width of the code."""
        return num_output(self.latent)


def num_output(layer: Layer) -> int | None:
    """The number of outputs that a layer with weights declares."""
    name = CLASSIFIER_TYPES.get(layer.type)
    return integer(layer.holder(name), "num_output") if name else None


@lru_cache(maxsize=8)
def heads(net: Net) -> tuple[Head, ...]:
    """The heads of a net, in the order of its text, the main one marked.

    None is marked where the first two weigh the same and lie equally deep.
    """
    found: dict[int, Head] = {}
    for phase in PHASES:
        graph = net.graph(phase)
        for judge in graph.layers:
            classifier = _judged(graph, judge)
            if classifier is not None:
                found[classifier.index] = _judged_by(
                    found.get(classifier.index) or _bare(graph, classifier), judge
                )
    if not found:
        graph = net.graph("TEST")
        found = {layer.index: _bare(graph, layer) for layer in _outputs(graph)}
    return _main_marked(sorted(found.values(), key=lambda head: head.classifier.index))


def _judged(graph: BlobGraph, judge: Layer) -> Layer | None:
    """The classifier that a loss or accuracy judges."""
    found = _classifier_or_reason(graph, judge)
    return found if isinstance(found, Layer) else None


def _classifier_or_reason(graph: BlobGraph, judge: Layer) -> Layer | str | None:
    """The classifier that a layer judges, or why it judges none; None if it is no judge."""
    is_accuracy = judge.type.endswith("Accuracy")
    if not (judge.is_loss or is_accuracy):
        return None
    if len(judge.bottoms) < 2:
        return "has no label beside what it judges"
    predicted, wanted = graph.reads(judge)[:2]
    if _is_learned(graph, wanted):
        return f"compares '{judge.bottoms[0]}' with '{judge.bottoms[1]}', which is learned, too"
    prediction, target = graph.origins(judge, 0), graph.origins(judge, 1)
    if not prediction or not target:
        return "reads what no data leads to"
    if prediction & target:
        return "compares data with what is made of the same data"
    found = _writer_below(graph, predicted, _PASSED)
    return found or f"judges '{judge.bottoms[0]}'{_end_of_way(graph, predicted)}"


def judges_without_classifier(net: Net) -> list[tuple[Layer, str]]:
    """The losses and accuracies of a net that lead to no classifier, each with the reason."""
    found: dict[int, tuple[Layer, str]] = {}
    for phase in PHASES:
        graph = net.graph(phase)
        for judge in graph.layers:
            reason = _classifier_or_reason(graph, judge)
            if isinstance(reason, str):
                found.setdefault(judge.index, (judge, reason))
    absent = [each for each in net.layers if not any(net.graph(p).takes_part(each) for p in PHASES)]
    for judge in absent:
        if judge.is_loss or judge.type.endswith("Accuracy"):
            found[judge.index] = judge, "takes part in no phase by itself: see include and exclude"
    return list(found.values())


def _is_learned(graph: BlobGraph, blob: NetBlob | None) -> bool:
    """Whether weights take part in making a blob."""
    if blob is None or blob.writer is None:
        return False
    below = graph.below([blob.writer])
    return any(layer.type in CLASSIFIER_TYPES for layer in graph.layers if layer.index in below)


def _writer_below(graph: BlobGraph, blob: NetBlob | None, passed: frozenset[str]) -> Layer | None:
    layer = _last_on_way(graph, blob, passed)
    return layer if layer is not None and layer.type in CLASSIFIER_TYPES else None


def _last_on_way(graph: BlobGraph, blob: NetBlob | None, passed: frozenset[str]) -> Layer | None:
    """The first layer below a blob that is none of those that are passed."""
    while blob is not None and blob.writer is not None:
        layer = blob.writer
        if layer.type not in passed or not layer.bottoms:
            return layer
        blob = graph.reads(layer)[0]
    return None


def _end_of_way(graph: BlobGraph, blob: NetBlob | None) -> str:
    layer = _last_on_way(graph, blob, _PASSED)
    return f", and {layer.type} layer '{layer.name}' is no classifier" if layer else ""


def _bare(graph: BlobGraph, classifier: Layer) -> Head:
    features = classifier.bottoms[0] if classifier.bottoms else ""
    return Head(classifier, features, (), (), 0.0, graph.depth(classifier))


def _judged_by(head: Head, judge: Layer) -> Head:
    if judge in (*head.losses, *head.accuracies):
        return head
    if judge.is_loss:
        weight = head.weight + sum(judge.loss_weights)
        return replace(head, losses=(*head.losses, judge), weight=weight)
    return replace(head, accuracies=(*head.accuracies, judge))


def _outputs(graph: BlobGraph) -> list[Layer]:
    """The classifiers that the outputs of a deploy net come from."""
    found = (_writer_below(graph, blob, _OUTPUT_PASSED) for blob in graph.outputs)
    if layers := [layer for layer in found if layer is not None and layer.type == "InnerProduct"]:
        return layers
    # A convolutional classifier is told from other convolutions by the pooling after it.
    found = (_writer_below(graph, blob, _PASSED) for blob in graph.outputs)
    return [layer for layer in found if layer is not None and layer.type == "Convolution"]


def _main_marked(found: list[Head]) -> tuple[Head, ...]:
    order = sorted(found, key=_rank, reverse=True)
    if not order or len(top_heads(order)) > 1:
        return tuple(found)
    return tuple(replace(head, main=True) if head is order[0] else head for head in found)


def _rank(head: Head) -> tuple[bool, float, int]:
    return not head.is_regression, head.weight, head.depth


def top_heads(found: Iterable[Head]) -> list[Head]:
    """The heads that weigh most and lie equally deep: several where none is the main one."""
    best = list(found)
    most = max(map(_rank, best))
    return [head for head in best if _rank(head) == most]


def find_head(net: Net, name: str) -> Head | None:
    """The head whose classifier has a name; a layer that could be one, where no loss tells.

    A layer below the classifier of another head is none.
    """
    found = heads(net)
    for head in found:
        if head.classifier.name == name:
            return head
    for phase in PHASES:
        graph = net.graph(phase)
        below = graph.below([h.classifier for h in found if graph.takes_part(h.classifier)])
        for layer in graph.layers:
            if layer.name == name and layer.type in CLASSIFIER_TYPES and layer.index not in below:
                return _bare(graph, layer)
    return None


def hash_layer_below(net: Net, classifier: Layer) -> HashLayer | None:
    """The hash layer that a classifier reads, where it has one."""
    for phase in PHASES:
        graph = net.graph(phase)
        if graph.takes_part(classifier) and classifier.bottoms:
            return hash_layer_of(graph, graph.reads(classifier)[0])
    return None


def hash_layer_of(graph: BlobGraph, blob: NetBlob | None) -> HashLayer | None:
    """The hash layer that wrote a blob: a Sigmoid on an InnerProduct."""
    code = blob.writer if blob else None
    if code is None or code.type != "Sigmoid":
        return None
    below = graph.reads(code)[0]
    latent = below.writer if below else None
    if latent is None or latent.type != "InnerProduct":
        return None
    return HashLayer(latent, code)


def heads_text(found: Iterable[Head]) -> str:
    """Heads as a list for a message: one line each, with what `--head` would take."""
    return "\n".join(
        f"  {head.classifier.name} (line {head.classifier.line}): "
        f"{head.outputs} on "
        f"'{head.features}', weight {head.weight:g}, {head.depth} layers deep"
        for head in found
    )
