"""Choosing the head of a net: the main one, or the one that the user names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ssdh_surgery.caffe.net.heads import (
    Head,
    candidate_heads,
    find_head,
    heads,
    heads_text,
    lone_hash_layer,
    reads_data,
    top_heads,
)
from ssdh_surgery.caffe.net.judges import Verdict, is_label, judges_without_classifier
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.outputs import CLASSIFIER_TYPES
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError, UnknownLayer
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.surgery.hashing.convolutional_head import to_inner_product
from ssdh_surgery.surgery.hashing.insert import features_blob
from ssdh_surgery.surgery.hashing.shared_weights import refuse_shared, refuse_siamese


def head_name(net: Net, settings: Settings, record: NetRecord | None) -> str | None:
    """The name of the chosen head in a net: in a patched net the classifier has a new name.

    Args:
        net: a train net, patched or not.
        settings: explicit values over the recorded ones.
        record: the workspace's record of the net.
    """
    name = settings.get("head")
    if record is None or not net.named(str(record.get("classifier"))):
        return None if name is None else str(name)
    names_before = (None, record.get("classifier_source"), record.settings.get("head"))
    is_gone = name is None or not (net.named(name) or name in net.blob_names)
    return str(record.get("classifier") if name in names_before and is_gone else name)


def choose_head(net: Net, name: str | None, at: str | None = None) -> Head:
    """The main head, or the one that a name belongs to.

    The name is that of its classifier, loss or accuracy, or of a blob that one of these writes.
    Where no loss has a classifier for certain, the blob to hash may choose among the layers that
    may be one.

    Args:
        net: the net.
        name: the name, None for the main head.
        at: the blob to hash, None for the head's features.

    Raises:
        UnknownLayer: no head has a layer or a blob of that name.
        SurgeryError: the net has no classifier, or several of equal weight and none was chosen;
            it compares branches that share weights; another state has another classifier, or it
            reads its weights from a blob.
    """
    head = _named_head(net, name) if name is not None else _main_head(net, at)
    refuse_twins(net, head.classifier)
    refuse_weight_bottoms(net, head.classifier)
    return head


def _named_head(net: Net, name: str) -> Head:
    all_heads = heads(net)
    for head in all_heads:
        if any(name == layer.name or name in layer.tops for layer in head.layers):
            return head
    names = [name, *(layer.name for layer in net.layers if name in layer.tops)]
    unjudged_head = next(filter(None, (find_head(net, each) for each in names)), None)
    if unjudged_head is not None:
        return unjudged_head
    raise _no_head(net, all_heads, name)


def _main_head(net: Net, at: str | None) -> Head:
    all_heads = heads(net)
    if not all_heads:
        refuse_siamese(net)
        return _head_above(net, at)
    main = next((head for head in all_heads if head.is_main), None)
    if main is None:
        for head in top_heads(all_heads):
            refuse_twins(net, head.classifier)
            refuse_shared(net, head.classifier)
        raise SurgeryError(
            f"several classifiers have the same weight:\n{heads_text(all_heads)}",
            location=Location(net.file),
            hint=f"choose one with --head, for example --head {all_heads[0].classifier.name}",
        )
    return main


def _head_above(net: Net, at: str | None) -> Head:
    """The only candidate above a blob, in a net without a classifier by structure.

    Raises:
        SurgeryError: there is none, or several, or no blob is named.
    """
    lone = lone_hash_layer(net)
    if lone is not None:
        raise SurgeryError(
            f"the net has no classifier: it learns the {lone.bits} bits of its own hash layer "
            f"'{lone.latent.name}' ({lone.activation})",
            location=lone.latent.location,
            hint="ssdh patch records it; then ssdh encode --deploy FILE with its own deploy net",
            layer=lone.latent.name,
        )
    candidates = _candidates(net)
    above = [head for head in candidates if at is not None and _is_above(net, head, at)]
    if len(above) == 1:
        return above[0]
    raise _no_classifier(net, above or candidates)


def _no_classifier(net: Net, candidates: Sequence[Head]) -> SurgeryError:
    """The error for a net in which no loss, accuracy or output leads to a classifier."""
    verdicts = judges_without_classifier(net)
    reasons, hint = _reasons(verdicts), _candidates_hint(net, candidates)
    if not verdicts and reads_data(net):
        reasons = (
            ": the net reads data, but has no loss and no accuracy, so nothing in it is trained"
        )
        hint = "ssdh deploy NET --at BLOB hashes its features; --head LAYER names a classifier"
    elif elsewhere := _states_with_heads(net.in_states(())):
        hint = f"there is one in {elsewhere}: the solver's train_state or test_state selects it"
    where = f" in {states_text(net, net.run_states)}" if net.has_rules else ""
    return SurgeryError(
        f"no classifier found{where}{reasons}",
        location=verdicts[0].judge.location if verdicts else Location(net.file),
        hint=hint,
        findings=_errors(net),
    )


def _errors(net: Net) -> list[Finding]:
    """Where Caffe would stop in the net, whose classifier may therefore be out of reach."""
    by_state = (
        (*net.graph(state).findings, *shapes(net, state).findings) for state in net.run_states
    )
    return list(dict.fromkeys(each for findings in by_state for each in findings if each.is_error))


def _states_with_heads(net: Net) -> str:
    """The states in which a net has a classifier with a loss or an accuracy, in words."""
    judges = [judge for head in heads(net) for judge in (*head.losses, *head.accuracies)]
    return states_text(
        net, (state for state in net.run_states if any(judge.is_in(state) for judge in judges))
    )


def states_text(net: Net, states: Iterable[State]) -> str:
    """States of a net in words: one for each set of layers."""
    by_layers: dict[tuple[Layer, ...], State] = {}
    for state in states:
        by_layers.setdefault(net.layers_in(state), state)
    return " or ".join(map(str, by_layers.values()))


def _candidates(net: Net) -> list[Head]:
    """The layers that may be the classifier, without those that classify positions."""
    candidates = []
    for head in candidate_heads(net):
        try:
            to_inner_product(net, head, "comment")
        except SurgeryError:
            continue
        candidates.append(head)
    return candidates


def _is_above(net: Net, head: Head, at: str) -> bool:
    try:
        features_blob(net, head, at)
    except SurgeryError:
        return False
    return True


def _reasons(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ": no loss, accuracy or output leads to an InnerProduct or a Convolution"
    reasons = [f"{each.judge.type} layer '{each.judge.name}' {each.reason}" for each in verdicts]
    return f": {reasons[0]}" if len(reasons) == 1 else ":\n  " + "\n  ".join(reasons)


def _candidates_hint(net: Net, candidates: Sequence[Head]) -> str:
    """The options that choose a classifier in a net without one by structure."""
    options = [f"--head {head.classifier.name}" for head in candidates]
    if not options:
        return (
            "--head LAYER, if a layer of the net classifies whole images; "
            f"ssdh show {net.file} lists the layers"
        )
    return options[0] if len(options) == 1 else f"choose the classifier: {' or '.join(options)}"


def refuse_twins(net: Net, classifier: Layer) -> None:
    """Refuse a classifier that another layer replaces in another state.

    The hash layer would go below one of them, and Caffe would train or test the other. Nor
    can a classifier be distinguished from another layer of its name in the same phase.

    Raises:
        SurgeryError: naming the other layer.
    """
    for other in net.layers:
        if other.index == classifier.index or other.type not in CLASSIFIER_TYPES:
            continue
        below = classifier.tops if classifier.is_in_place() else ()
        if other.name == classifier.name and _share_a_state(net, classifier, other):
            raise SurgeryError(
                f"the classifier has the same name as another layer, on line {other.line}: "
                f"'{other.name}'; Caffe copies weights by name",
                location=classifier.location,
                hint="give each layer its own name, then patch",
                layer=classifier.name,
            )
        if other.name == classifier.name or set(other.tops) & set(classifier.tops) - set(below):
            raise SurgeryError(
                f"the classifier '{classifier.name}' is written twice, for different phases or "
                f"stages: here, and on line {other.line} as '{other.name}'; a hash layer would go "
                "below one of them only",
                location=classifier.location,
                hint="write it once, without include and exclude rules, then patch",
                layer=classifier.name,
            )


def refuse_weight_bottoms(net: Net, classifier: Layer) -> None:
    """Refuse an InnerProduct of a fork that reads its weights from a second bottom.

    NormFace and its like normalise features and weights. Those weights have as many rows as
    the features have values, which a code between the two would change. A second bottom of data
    is a label, which a margin needs.

    Raises:
        SurgeryError: naming the blob.
    """
    if classifier.type != "InnerProduct" or len(classifier.bottoms) < 2:
        return
    if not all(is_label(graph, classifier, 1) for graph in net.graphs_with(classifier)):
        raise SurgeryError(
            f"the classifier '{classifier.name}' has a second bottom, '{classifier.bottoms[1]}', "
            f"which forks of Caffe read as its weights: these fit '{classifier.bottoms[0]}', and "
            "would not fit a code",
            location=classifier.bottom_location(1),
            hint="give it weights of its own, with one bottom, or choose another with --head",
            layer=classifier.name,
        )


def _share_a_state(net: Net, one: Layer, other: Layer) -> bool:
    return any(graph.takes_part(other) for graph in net.graphs_with(one))


def _no_head(net: Net, all_heads: Sequence[Head], name: str) -> UnknownLayer:
    layers = [layer.name for layer in net.layers]
    if name not in layers and name not in net.blob_names:
        return UnknownLayer(
            f"no layer or blob is called '{name}'",
            location=Location(net.file),
            hint=net.name_hint(name),
            layer=name,
        )
    if all_heads:
        return UnknownLayer(
            f"'{name}' belongs to no classifier; the net has:\n{heads_text(all_heads)}",
            location=Location(net.file),
            layer=name,
        )
    verdicts = [each for each in judges_without_classifier(net) if each.judge.name == name]
    return UnknownLayer(
        f"'{name}' belongs to no classifier{_reasons(verdicts) if verdicts else ''}",
        location=net.named(name)[0].location if name in layers else Location(net.file),
        hint=_candidates_hint(net, _candidates(net)),
        layer=name,
    )
