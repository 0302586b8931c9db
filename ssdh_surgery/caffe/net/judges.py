"""Judges: each loss and accuracy of a net, with the layer whose scores it compares with labels.

A judge has no classifier if its label is computed from the same data as its prediction (an
autoencoder, a penalty on the code) or is learned as well (two branches that are compared). Types
that are not Caffe's may compute anything: a layer of such a type is no classifier by itself, but
a candidate that the user may choose, and so is what a label out of such a layer is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ssdh_surgery.caffe.net.blobs import BlobGraph, NetBlob
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.layer_rules import LAYER_RULES
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.outputs import CLASSIFIER_TYPES, num_output

_PASSED = frozenset(name for name, rule in LAYER_RULES.items() if rule.passes_to_judge)

# Losses of published hashing methods, by the words in their types: they measure codes.
_CODE_LOSS = re.compile("Hash|Pairwise|Quanti[sz]ation|^K[12]_")


@dataclass(frozen=True)
class Verdict:
    """The classifier of a judge, or the reason why it has none.

    `candidates` are the layers that may be the classifier, for the user to decide.
    """

    judge: Layer
    classifier: Layer | None = None
    reason: str = ""
    candidates: tuple[Layer, ...] = ()


def is_code_loss(layer: Layer) -> bool:
    """Whether a layer is the loss of a published hashing method, which reads codes."""
    return layer.is_loss and bool(_CODE_LOSS.search(layer.type))


def verdict(graph: BlobGraph, judge: Layer) -> Verdict | None:
    """The classifier of a loss or accuracy, or the reason for none; None for other layers."""
    if not judge.is_judge:
        return None
    if is_code_loss(judge):
        return Verdict(judge, None, "measures codes, not the scores of classes")
    comparison = _comparison(graph, judge)
    if len(comparison.bottoms) < 2:
        scores = graph.reads(comparison)[0] if comparison.bottoms else None
        return Verdict(judge, None, "has no label bottom", _candidates(graph, scores))
    reads = graph.reads(comparison)
    learned = [index for index, each in enumerate(reads) if is_learned(graph, each)]
    if not _is_stock(comparison) and 2 <= len(learned) < len(reads):
        listed = " and ".join(f"'{comparison.bottoms[index]}'" for index in learned)
        return Verdict(
            judge, None, f"reads several learned blobs, {listed}: it judges no classifier alone"
        )
    prediction, label = _prediction_and_label(comparison, learned)
    if label in learned:
        return _verdict_on_learned_label(graph, judge, comparison, prediction, label)
    end = _end_layer(graph, reads[prediction], _PASSED)
    if end is None or not _can_classify(end):
        candidates = _candidates(graph, reads[prediction])
        reason = f"judges '{comparison.bottoms[prediction]}'{_end_text(end, candidates)}"
        return Verdict(judge, None, reason, candidates)
    return _verdict_on_origins(graph, judge, end, comparison, label)


def _verdict_on_learned_label(
    graph: BlobGraph, judge: Layer, comparison: Layer, prediction: int, label: int
) -> Verdict:
    """The reason for no classifier where what should be a label depends on weights."""
    reads = graph.reads(comparison)
    compared = f"compares '{comparison.bottoms[prediction]}' with '{comparison.bottoms[label]}'"
    layer = _foreign_writer(graph, reads[label])
    if layer is None:
        return Verdict(judge, None, f"{compared}, which is learned, too")
    return Verdict(
        judge,
        None,
        f"{compared}, which comes out of {layer.type} layer '{layer.name}', which reads learned "
        "blobs as well",
        _candidates(graph, reads[prediction]),
    )


def _verdict_on_origins(
    graph: BlobGraph, judge: Layer, classifier: Layer, comparison: Layer, label: int
) -> Verdict:
    """A possible classifier, if its features and the label come from different data."""
    origins = _data_origins(graph, classifier, 0) if classifier.bottoms else set()
    targets = _data_origins(graph, comparison, label)
    if not origins or not targets:
        return Verdict(judge, None, "reads a blob that does not depend on data")
    if origins <= targets:
        return Verdict(judge, None, "compares data with a blob computed from the same data")
    if origins & targets:
        reason = f"judges '{classifier.name}', which depends on '{comparison.bottoms[label]}', too"
        return Verdict(judge, None, reason, (classifier,))
    return Verdict(judge, classifier)


def judges_without_classifier(net: Net) -> list[Verdict]:
    """The verdicts of the losses and accuracies of a net that have no classifier."""
    verdicts: dict[int, Verdict] = {}
    for graph in net.run_graphs:
        for judge in graph.layers:
            result = verdict(graph, judge)
            if result is not None and result.classifier is None:
                verdicts.setdefault(judge.index, result)
    for judge in net.layers:
        is_absent = not any(graph.takes_part(judge) for graph in net.run_graphs)
        if is_absent and judge.is_judge:
            reason = "is in none of these states: see include and exclude"
            verdicts[judge.index] = Verdict(judge, None, reason)
    return list(verdicts.values())


def _comparison(graph: BlobGraph, judge: Layer) -> Layer:
    """The layer that compares: the judge, or what it reduces to a number.

    Losses may be written with stock layers: an Eltwise of scores and labels, its square, and a
    Reduction with a weight in the loss.
    """
    layer = judge
    while len(layer.bottoms) == 1 and layer.type not in CLASSIFIER_TYPES:
        below = graph.reads(layer)[0]
        if below is None or below.writer is None or layer.is_loss:
            break
        layer = below.writer
    return layer if len(layer.bottoms) > 1 else judge


def _is_stock(comparison: Layer) -> bool:
    """Whether it is one of Caffe's own losses and accuracies, which read the prediction first."""
    rule = LAYER_RULES.get(comparison.type)
    return rule is not None and rule.family in ("loss", "score")


def _prediction_and_label(comparison: Layer, learned: Sequence[int]) -> tuple[int, int]:
    """The indices of the bottoms that are compared, of which some are `learned`.

    Where the order is unknown, the only learned bottom is the prediction, and the first that is
    not learned the label.
    """
    if _is_stock(comparison) or len(learned) != 1 or learned[0] == 0:
        return 0, 1
    return learned[0], 0


def is_learned(graph: BlobGraph, blob: NetBlob | None) -> bool:
    """Whether the values of a blob depend on learned weights."""
    return any(layer.type in CLASSIFIER_TYPES for layer in _writers_below(graph, [blob]))


def is_label(graph: BlobGraph, layer: Layer, bottom: int) -> bool:
    """Whether a bottom of a layer holds data, and no weights."""
    origins = graph.origins(layer, bottom)
    weights = [blob for blob in origins if blob.writer and blob.writer.type == "Parameter"]
    return bool(origins) and not weights and not is_learned(graph, graph.reads(layer)[bottom])


def _writers_below(graph: BlobGraph, blobs: Iterable[NetBlob | None]) -> list[Layer]:
    """The layers that the values of blobs come from."""
    layers: list[Layer] = []
    visited: set[NetBlob] = set()
    pending = list(blobs)
    while pending:
        blob = pending.pop()
        if blob is None or blob.writer is None or blob in visited:
            continue
        visited.add(blob)
        layers.append(blob.writer)
        pending += graph.values_of(blob)
    return layers


def _foreign_writer(graph: BlobGraph, blob: NetBlob | None) -> Layer | None:
    """The layer that is not Caffe's and that a blob comes out of, behind layers that pass it on."""
    layer = _end_layer(graph, blob, _PASSED)
    return layer if layer is not None and layer.is_foreign and len(layer.bottoms) > 1 else None


def _end_layer(graph: BlobGraph, blob: NetBlob | None, passed: frozenset[str]) -> Layer | None:
    """The first layer below a blob that does not pass scores on: types among `passed` do."""
    while blob is not None and blob.writer is not None:
        layer, sources = blob.writer, graph.values_of(blob)
        if layer.type == "Eltwise":
            # A loss of stock layers joins scores and labels.
            sources = tuple(each for each in sources if is_learned(graph, each))
            if len(sources) != 1:
                return layer
        elif layer.type not in passed or not sources:
            return layer
        blob = sources[0]
    return None


def classifier_below(
    graph: BlobGraph, blob: NetBlob | None, passed: frozenset[str] = _PASSED
) -> Layer | None:
    """The possible classifier of scores, below layers of the types `passed`."""
    layer = _end_layer(graph, blob, passed)
    return layer if layer is not None and _can_classify(layer) else None


def _can_classify(layer: Layer) -> bool:
    """Whether a layer has a classifier's type, and both a bottom and a top."""
    return layer.type in CLASSIFIER_TYPES and layer.is_connected


def _candidates(graph: BlobGraph, predicted: NetBlob | None) -> tuple[Layer, ...]:
    """The layers next below a prediction that may be its classifier, from below other layers."""
    candidates: dict[int, Layer] = {}
    end = _end_layer(graph, predicted, _PASSED)
    pending = [end]
    visited: set[int] = set()
    while pending:
        layer = pending.pop(0)
        if layer is None or layer.index in visited or layer.is_data:
            continue
        visited.add(layer.index)
        states_outputs = layer.is_foreign and num_output(layer) is not None
        if layer.type in CLASSIFIER_TYPES or states_outputs:
            candidates[layer.index] = layer
        else:
            pending += [blob.writer for blob in graph.reads(layer) if blob]
    if not candidates and end is not None and end.is_foreign and not end.is_data:
        return (end,)
    return tuple(candidates.values())


def _end_text(end: Layer | None, candidates: Sequence[Layer]) -> str:
    if end is None:
        return ""
    if end in candidates:
        return (
            f", and layer '{end.name}' is of type {end.type}, which is not one of Caffe's: it may "
            "be the classifier"
        )
    return f", and {end.type} layer '{end.name}' is not a classifier"


def _data_origins(graph: BlobGraph, layer: Layer, bottom: int) -> set[NetBlob]:
    """The data that a bottom comes from, at the latest out of a layer that transforms it."""

    def is_origin(blob: NetBlob) -> bool:
        # A layer that transforms images together with their labels.
        writer = blob.writer
        assert writer is not None, "an input is an origin anyway"
        return writer.is_foreign and len(writer.tops) > 1 and not is_learned(graph, blob)

    return graph.origins(layer, bottom, is_origin)
