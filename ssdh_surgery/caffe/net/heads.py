"""Heads: the classifiers of a net, each with its losses and accuracies and the features it reads.

Heads are found by structure, never by name: a loss, an accuracy or the output of a deploy net
leads down to its classifier. A loss has no classifier if its target is computed from the same
data as its prediction (an autoencoder, a penalty on the code) or is learned as well (two branches
that are compared).
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
from ssdh_surgery.names import count_text

# The message that holds num_output, by the type of a layer that can be a classifier.
CLASSIFIER_TYPES = {name: rule.settings for name, rule in LAYER_RULES.items() if rule.is_classifier}
_PASSED = frozenset(name for name, rule in LAYER_RULES.items() if rule.passes_to_judge)
_OUTPUT_PASSED = frozenset(name for name, rule in LAYER_RULES.items() if rule.passes_to_output)
_DISTANCES = frozenset(name for name, rule in LAYER_RULES.items() if rule.is_distance)


@dataclass(frozen=True)
class Head:
    """A classifier with its losses and accuracies; `features` is the blob that it reads.

    `weight` is the sum of its loss weights, `depth` the number of layers up to it. `is_main` marks
    the head of largest weight, among equals the deepest; heads that distinguish classes come
    before those that predict numbers.
    """

    classifier: Layer
    features: str
    losses: tuple[Layer, ...]
    accuracies: tuple[Layer, ...]
    weight: float
    depth: int
    is_main: bool = False

    @property
    def classes(self) -> int | None:
        """The number of outputs of the classifier."""
        return num_output(self.classifier)

    @property
    def is_regression(self) -> bool:
        """Whether all its losses measure distances: it predicts numbers, not classes."""
        return bool(self.losses) and all(
            judge.type in _DISTANCES for judge in (*self.losses, *self.accuracies)
        )

    @property
    def outputs(self) -> str:
        """Its outputs in words: `10 classes`."""
        return f"{self.classes or 'unknown'} {'numbers' if self.is_regression else 'classes'}"

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The classifier, its losses and its accuracies."""
        return (self.classifier, *self.losses, *self.accuracies)


@dataclass(frozen=True)
class HashLayer:
    """A latent InnerProduct and its Sigmoid, which SSDH puts below a classifier."""

    latent: Layer
    code: Layer

    @property
    def bits(self) -> int | None:
        """The width of the code."""
        return num_output(self.latent)

    @property
    def axis(self) -> int:
        """The axis of the bits, and the first axis of the features that they depend on."""
        return integer(self.latent.core.message("inner_product_param"), "axis", 1) or 0


def num_output(layer: Layer) -> int | None:
    """The number of outputs that a possible classifier declares."""
    name = CLASSIFIER_TYPES.get(layer.type)
    return integer(layer.holder(name), "num_output") if name else None


@lru_cache(maxsize=8)
def heads(net: Net) -> tuple[Head, ...]:
    """The heads of a net in the order of its text, with the main head marked.

    No head is marked if two are equal in weight and depth.
    """
    by_index: dict[int, Head] = {}
    for phase in PHASES:
        graph = net.graph(phase)
        for judge in graph.layers:
            classifier = _classifier_of(graph, judge)
            if classifier is not None:
                by_index[classifier.index] = _with_judge(
                    by_index.get(classifier.index) or _bare(graph, classifier), judge
                )
    if not by_index:
        graph = net.graph("TEST")
        by_index = {layer.index: _bare(graph, layer) for layer in _outputs(graph)}
    return _with_main(sorted(by_index.values(), key=lambda head: head.classifier.index))


def _classifier_of(graph: BlobGraph, judge: Layer) -> Layer | None:
    """The classifier of a loss or accuracy, if it has one."""
    result = _classifier_or_reason(graph, judge)
    return result if isinstance(result, Layer) else None


def _classifier_or_reason(graph: BlobGraph, judge: Layer) -> Layer | str | None:
    """The classifier below a loss or accuracy, or the reason for none; None for other layers."""
    is_accuracy = judge.type.endswith("Accuracy")
    if not (judge.is_loss or is_accuracy):
        return None
    if len(judge.bottoms) < 2:
        return "has no label bottom"
    predicted, label = graph.reads(judge)[:2]
    if _is_learned(graph, label):
        return f"compares '{judge.bottoms[0]}' with '{judge.bottoms[1]}', which is learned, too"
    prediction, target = graph.origins(judge, 0), graph.origins(judge, 1)
    if not prediction or not target:
        return "reads a blob that does not depend on data"
    if prediction & target:
        return "compares data with a blob computed from the same data"
    classifier = _writer_below(graph, predicted, _PASSED)
    return classifier or f"judges '{judge.bottoms[0]}'{_end_of_path(graph, predicted)}"


def judges_without_classifier(net: Net) -> list[tuple[Layer, str]]:
    """The losses and accuracies of a net that have no classifier, each with the reason."""
    reasons: dict[int, tuple[Layer, str]] = {}
    for phase in PHASES:
        graph = net.graph(phase)
        for judge in graph.layers:
            reason = _classifier_or_reason(graph, judge)
            if isinstance(reason, str):
                reasons.setdefault(judge.index, (judge, reason))
    absent = [each for each in net.layers if not any(net.graph(p).takes_part(each) for p in PHASES)]
    for judge in absent:
        if judge.is_loss or judge.type.endswith("Accuracy"):
            reasons[judge.index] = (
                judge,
                "is in no phase by default: see include and exclude",
            )
    return list(reasons.values())


def _is_learned(graph: BlobGraph, blob: NetBlob | None) -> bool:
    """Whether a blob depends on learned weights."""
    if blob is None or blob.writer is None:
        return False
    below = graph.below([blob.writer])
    return any(layer.type in CLASSIFIER_TYPES for layer in graph.layers if layer.index in below)


def _writer_below(graph: BlobGraph, blob: NetBlob | None, passed: frozenset[str]) -> Layer | None:
    layer = _end_layer(graph, blob, passed)
    return layer if layer is not None and _can_classify(layer) else None


def _can_classify(layer: Layer) -> bool:
    """Whether a layer has a classifier's type, and both a bottom and a top."""
    return layer.type in CLASSIFIER_TYPES and layer.is_connected


def _end_layer(graph: BlobGraph, blob: NetBlob | None, passed: frozenset[str]) -> Layer | None:
    """The first layer below a blob whose type is not among `passed`."""
    while blob is not None and blob.writer is not None:
        layer = blob.writer
        if layer.type not in passed or not layer.bottoms:
            return layer
        blob = graph.reads(layer)[0]
    return None


def _end_of_path(graph: BlobGraph, blob: NetBlob | None) -> str:
    layer = _end_layer(graph, blob, _PASSED)
    return f", and {layer.type} layer '{layer.name}' is not a classifier" if layer else ""


def _bare(graph: BlobGraph, classifier: Layer) -> Head:
    features = classifier.bottoms[0] if classifier.bottoms else ""
    return Head(classifier, features, (), (), 0.0, graph.depth(classifier))


def _with_judge(head: Head, judge: Layer) -> Head:
    if judge in (*head.losses, *head.accuracies):
        return head
    if judge.is_loss:
        weight = head.weight + sum(judge.loss_weights)
        return replace(head, losses=(*head.losses, judge), weight=weight)
    return replace(head, accuracies=(*head.accuracies, judge))


def _outputs(graph: BlobGraph) -> list[Layer]:
    """The classifiers of the outputs of a deploy net."""
    candidates = (_writer_below(graph, blob, _OUTPUT_PASSED) for blob in graph.outputs)
    if layers := [
        layer for layer in candidates if layer is not None and layer.type == "InnerProduct"
    ]:
        return layers
    # A convolutional classifier differs from other convolutions by the pooling after it.
    candidates = (_writer_below(graph, blob, _PASSED) for blob in graph.outputs)
    return [layer for layer in candidates if layer is not None and layer.type == "Convolution"]


def _with_main(heads: list[Head]) -> tuple[Head, ...]:
    order = sorted(heads, key=_rank, reverse=True)
    if not order or len(top_heads(order)) > 1:
        return tuple(heads)
    return tuple(replace(head, is_main=True) if head is order[0] else head for head in heads)


def _rank(head: Head) -> tuple[bool, float, int]:
    return not head.is_regression, head.weight, head.depth


def top_heads(heads: Iterable[Head]) -> list[Head]:
    """The heads that are first in weight and depth; several if there is no main head."""
    candidates = list(heads)
    best = max(map(_rank, candidates))
    return [head for head in candidates if _rank(head) == best]


def find_head(net: Net, name: str) -> Head | None:
    """The head whose classifier has this name, or a layer that could be one but has no loss.

    A layer below the classifier of another head does not count.
    """
    all_heads = heads(net)
    for head in all_heads:
        if head.classifier.name == name:
            return head
    for phase in PHASES:
        graph = net.graph(phase)
        below = graph.below([h.classifier for h in all_heads if graph.takes_part(h.classifier)])
        for layer in graph.layers:
            if layer.name == name and _can_classify(layer) and layer.index not in below:
                return _bare(graph, layer)
    return None


def hash_layer_below(net: Net, classifier: Layer) -> HashLayer | None:
    """The hash layer that a classifier reads, if any."""
    for phase in PHASES:
        graph = net.graph(phase)
        if graph.takes_part(classifier) and classifier.bottoms:
            return hash_layer_of(graph, graph.reads(classifier)[0])
    return None


def hash_layer_of(graph: BlobGraph, blob: NetBlob | None) -> HashLayer | None:
    """The hash layer that writes a blob: a Sigmoid on an InnerProduct."""
    code = blob.writer if blob else None
    if code is None or code.type != "Sigmoid" or not code.is_connected:
        return None
    below = graph.reads(code)[0]
    latent = below.writer if below else None
    if latent is None or latent.type != "InnerProduct" or not latent.is_connected:
        return None
    return HashLayer(latent, code)


def heads_text(heads: Iterable[Head]) -> str:
    """Heads as a list for messages: one line each, with the name that `--head` takes."""
    return "\n".join(
        f"  {head.classifier.name} (line {head.classifier.line}): "
        f"{head.outputs} on "
        f"'{head.features}', weight {head.weight:g}, {count_text(head.depth, 'layer')} deep"
        for head in heads
    )
