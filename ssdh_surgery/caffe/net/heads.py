"""Heads: the classifiers of a net, each with its losses and accuracies and the features it reads.

Heads are found by structure, never by name: a loss, an accuracy or the output of a deploy net
leads down to its classifier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.judges import classifier_below, judges_without_classifier, verdict
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.outputs import CLASSIFIER_TYPES, num_output
from ssdh_surgery.caffe.net.phase import PHASES

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


@lru_cache(maxsize=8)
def heads(net: Net) -> tuple[Head, ...]:
    """The heads of a net in the order of its text, with the main head marked.

    No head is marked if two are equal in weight and depth.
    """
    by_index: dict[int, Head] = {}
    for phase in PHASES:
        graph = net.graph(phase)
        for judge in graph.layers:
            result = verdict(graph, judge)
            classifier = result.classifier if result else None
            if classifier is not None:
                by_index[classifier.index] = _with_judge(
                    by_index.get(classifier.index) or _bare(graph, classifier), judge
                )
    if not by_index and not any(layer.is_judge for layer in net.layers):
        graph = net.graph("TEST")
        by_index = {layer.index: _bare(graph, layer) for layer in _outputs(graph)}
    return _with_main(sorted(by_index.values(), key=lambda head: head.classifier.index))


def _bare(graph: BlobGraph, classifier: Layer) -> Head:
    features = classifier.bottoms[0] if classifier.bottoms else ""
    return Head(classifier, features, (), (), 0.0, graph.depth(classifier))


def _with_judge(head: Head, judge: Layer) -> Head:
    if judge in (*head.losses, *head.accuracies):
        return head
    if judge.is_loss or any(judge.loss_weights):
        weight = head.weight + sum(judge.loss_weights)
        return replace(head, losses=(*head.losses, judge), weight=weight)
    return replace(head, accuracies=(*head.accuracies, judge))


def _outputs(graph: BlobGraph) -> list[Layer]:
    """The classifiers of the outputs of a deploy net."""
    candidates = (classifier_below(graph, blob, _OUTPUT_PASSED) for blob in graph.outputs)
    if layers := [
        layer for layer in candidates if layer is not None and layer.type == "InnerProduct"
    ]:
        return layers
    # A convolutional classifier differs from other convolutions by the pooling after it.
    candidates = (classifier_below(graph, blob) for blob in graph.outputs)
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

    A layer of a type that is not Caffe's could be one, too. A layer below the classifier of
    another head does not count.
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


def _can_classify(layer: Layer) -> bool:
    is_foreign = layer.is_foreign and not layer.is_judge
    return layer.type in CLASSIFIER_TYPES or bool(is_foreign and layer.bottoms and layer.tops)


def candidate_heads(net: Net) -> list[Head]:
    """The heads that a user may choose in a net that has none by structure, the likeliest first."""
    verdicts = judges_without_classifier(net)
    by_index: dict[int, tuple[bool, Head]] = {}
    for result in verdicts:
        for layer in result.candidates:
            graph = next(graph for p in PHASES if (graph := net.graph(p)).takes_part(layer))
            is_distance = result.judge.type in _DISTANCES
            by_index.setdefault(layer.index, (is_distance, _bare(graph, layer)))
    ranked = sorted(by_index.values(), key=lambda each: (each[0], -each[1].depth))
    return [head for _, head in ranked]


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
    if code is None or code.type != "Sigmoid":
        return None
    below = graph.reads(code)[0]
    latent = below.writer if below else None
    if latent is None or latent.type != "InnerProduct":
        return None
    return HashLayer(latent, code)


def heads_text(heads: Iterable[Head]) -> str:
    """Heads as a list for messages: one line each, with the name that `--head` takes."""
    return "\n".join(
        f"  {head.classifier.name} (line {head.classifier.line}): "
        f"{head.outputs} on "
        f"'{head.features}', weight {head.weight:g}, {head.depth} layers deep"
        for head in heads
    )
