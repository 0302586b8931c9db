"""Heads: the classifiers of a net, each with its losses and accuracies and the features it reads.

Heads are found by structure, never by name: a loss, an accuracy or the output of a deploy net
leads down to its classifier.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.judges import (
    classifier_below,
    is_code_loss,
    judges_without_classifier,
    verdict,
)
from ssdh_surgery.caffe.net.layer import Layer, integer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.outputs import CLASSIFIER_TYPES, num_output
from ssdh_surgery.names import count_text

_OUTPUT_PASSED = frozenset(name for name, rule in LAYER_RULES.items() if rule.passes_to_output)
_DISTANCES = frozenset(name for name, rule in LAYER_RULES.items() if rule.is_distance)

# The activations that make codes, with the value above which a bit is 1.
_THRESHOLDS = {"Sigmoid": 0.5, "TanH": 0.0, "Sign": 0.0}
# A wider layer with a TanH computes features: LeNet's has 500 values.
_WIDEST_TANH = 256
# Layers that may come between a hash layer and a loss that reads its codes.
_CODE_PASSED = frozenset(["Concat", "Flatten", "Reshape", "Slice", "Split"])


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
    """A latent InnerProduct, and the layer that makes codes of it: in SSDH a Sigmoid.

    `code` is the latent layer itself where the codes have no activation.
    """

    latent: Layer
    code: Layer

    @property
    def threshold(self) -> float:
        """The activation above which a bit is 1."""
        return _THRESHOLDS.get(self.code.type, 0.0)

    @property
    def activation(self) -> str:
        """The type of its activation in words."""
        return self.code.type if self.code is not self.latent else "no activation"

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

    They are those of the states that the net runs in; a loss of another state is named, but has
    no weight. No head is marked if two are equal in weight and depth.
    """
    by_index: dict[int, Head] = {}
    for graph in net.graphs:
        is_run = graph in net.run_graphs
        for judge in graph.layers:
            result = verdict(graph, judge)
            classifier = result.classifier if result else None
            if classifier is not None and (is_run or classifier.index in by_index):
                by_index[classifier.index] = _with_judge(
                    by_index.get(classifier.index) or _bare(graph, classifier), judge, is_run
                )
    if not by_index and not reads_data(net) and not any(layer.is_judge for layer in net.layers):
        # A deploy net runs in TEST.
        graphs = sorted(net.run_graphs, key=lambda graph: graph.state.phase)
        by_index = {layer.index: _bare(graphs[0], layer) for layer in _outputs(graphs[0])}
    return _with_main(sorted(by_index.values(), key=lambda head: head.classifier.index))


def reads_data(net: Net) -> bool:
    """Whether a net reads data in the states that it runs in, and has no inputs instead."""
    layers = {layer for graph in net.run_graphs for layer in graph.layers if layer.is_data}
    return bool(layers) and not net.inputs and all(layer.type != "Input" for layer in layers)


def _bare(graph: BlobGraph, classifier: Layer) -> Head:
    features = classifier.bottoms[0] if classifier.bottoms else ""
    return Head(classifier, features, (), (), 0.0, graph.depth(classifier))


def _with_judge(head: Head, judge: Layer, is_run: bool) -> Head:
    if judge in (*head.losses, *head.accuracies):
        return head
    if judge.is_loss or any(judge.loss_weights):
        weight = head.weight + (sum(judge.loss_weights) if is_run else 0)
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
    for graph in net.graphs:
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
            graph = net.graphs_with(layer)[0]
            is_distance = result.judge.type in _DISTANCES
            by_index.setdefault(layer.index, (is_distance, _bare(graph, layer)))
    ranked = sorted(by_index.values(), key=lambda each: (each[0], -each[1].depth))
    return [head for _, head in ranked]


def hash_layer_below(net: Net, classifier: Layer) -> HashLayer | None:
    """The hash layer that a classifier reads, if any."""
    graphs = net.graphs_with(classifier) if classifier.bottoms else []
    return hash_layer_of(graphs[0], graphs[0].reads(classifier)[0]) if graphs else None


def hash_layer_of(graph: BlobGraph, blob: NetBlob | None) -> HashLayer | None:
    """The hash layer that writes a blob: a Sigmoid, TanH or Sign on an InnerProduct.

    An InnerProduct alone is one if a loss on codes or a Sign reads it.
    """
    code = blob.writer if blob else None
    if blob is None or code is None or not code.is_connected:
        return None
    if code.type == "InnerProduct" and _is_read_as_code(graph, blob):
        return HashLayer(code, code)
    if code.type not in _THRESHOLDS:
        return None
    below = graph.reads(code)[0]
    latent = below.writer if below else None
    if latent is None or latent.type != "InnerProduct" or not latent.is_connected:
        return None
    is_wide = (num_output(latent) or _WIDEST_TANH + 1) > _WIDEST_TANH
    return None if code.type == "TanH" and is_wide else HashLayer(latent, code)


def _is_read_as_code(graph: BlobGraph, blob: NetBlob) -> bool:
    pending, visited = [blob], set()
    while pending:
        for layer, _ in graph.consumers(pending.pop()):
            if is_code_loss(layer) or layer.type == "Sign":
                return True
            if layer.type in _CODE_PASSED and layer.index not in visited:
                visited.add(layer.index)
                pending += graph.writes(layer)
    return False


def measured_hash_layers(graph: BlobGraph) -> list[HashLayer]:
    """The hash layers whose codes the losses of published hashing methods read."""
    by_latent: dict[int, HashLayer] = {}
    for judge in filter(is_code_loss, graph.layers):
        for blob in graph.reads(judge):
            hash_layer = _hash_layer_read(graph, blob)
            if hash_layer is not None:
                by_latent[hash_layer.latent.index] = hash_layer
    return list(by_latent.values())


def _hash_layer_read(graph: BlobGraph, blob: NetBlob | None) -> HashLayer | None:
    while blob is not None and blob.writer is not None and blob.writer.type in _CODE_PASSED:
        blob = graph.reads(blob.writer)[0]
    return hash_layer_of(graph, blob)


def lone_hash_layer(net: Net) -> HashLayer | None:
    """The only hash layer of a net that learns codes by a loss on them, without a classifier."""
    if heads(net):
        return None
    measured = {
        each.latent.index: each for graph in net.graphs for each in measured_hash_layers(graph)
    }
    return next(iter(measured.values())) if len(measured) == 1 else None


def heads_text(heads: Iterable[Head]) -> str:
    """Heads as a list for messages: one line each, with the name that `--head` takes."""
    return "\n".join(
        f"  {head.classifier.name} (line {head.classifier.line}): "
        f"{head.outputs} on "
        f"'{head.features}', weight {head.weight:g}, {count_text(head.depth, 'layer')} deep"
        for head in heads
    )
