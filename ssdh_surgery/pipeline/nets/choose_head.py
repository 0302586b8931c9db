"""Choosing the head of a net: the main one, or the one that the user names."""

from __future__ import annotations

from collections.abc import Sequence

from ssdh_surgery.caffe.net.heads import (
    CLASSIFIER_TYPES,
    Head,
    find_head,
    heads,
    heads_text,
    judges_without_classifier,
    top_heads,
)
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError, UnknownLayer
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
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


def choose_head(net: Net, name: str | None) -> Head:
    """The main head, or the one that a name belongs to.

    The name is that of its classifier, loss or accuracy, or of a blob that one of these writes.

    Raises:
        UnknownLayer: no head has a layer or a blob of that name.
        SurgeryError: the net has no classifier, or several of equal weight and none was chosen;
            it compares branches that share weights; another phase has another classifier, or it
            reads its weights from a blob.
    """
    head = _named_head(net, name) if name is not None else _main_head(net)
    refuse_twins(net, head.classifier)
    refuse_weight_bottoms(head.classifier)
    return head


def _named_head(net: Net, name: str) -> Head:
    all_heads = heads(net)
    for head in all_heads:
        if any(name == layer.name or name in layer.tops for layer in head.layers):
            return head
    if (unjudged_head := find_head(net, name)) is not None:
        return unjudged_head
    raise _no_head(net, all_heads, name)


def _main_head(net: Net) -> Head:
    all_heads = heads(net)
    if not all_heads:
        refuse_siamese(net)
        raise SurgeryError(
            "no classifier found: "
            + (
                _reasons(net)
                or "no loss, accuracy or output leads to an InnerProduct or a Convolution"
            ),
            location=Location(net.file),
            hint="--head LAYER names an InnerProduct or a Convolution; ssdh show NET lists them",
            findings=_errors(net),
        )
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


def _errors(net: Net) -> list[Finding]:
    """Where Caffe would stop in the net, whose classifier may therefore be out of reach."""
    by_phase = ((*net.graph(p).findings, *shapes(net, p).findings) for p in PHASES)
    return list(dict.fromkeys(each for findings in by_phase for each in findings if each.is_error))


def _reasons(net: Net) -> str:
    return "; ".join(
        f"{each.type} layer '{each.name}' {why}" for each, why in judges_without_classifier(net)
    )


def refuse_twins(net: Net, classifier: Layer) -> None:
    """Refuse a classifier that another layer replaces in another phase or stage.

    The hash layer would go below one of them, and Caffe would train or test the other. Nor
    can a classifier be distinguished from another layer of its name in the same phase.

    Raises:
        SurgeryError: naming the other layer.
    """
    for other in net.layers:
        if other.index == classifier.index or other.type not in CLASSIFIER_TYPES:
            continue
        below = classifier.tops if classifier.is_in_place() else ()
        if other.name == classifier.name and _share_a_phase(net, classifier, other):
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


def refuse_weight_bottoms(classifier: Layer) -> None:
    """Refuse an InnerProduct of a fork that reads its weights from a second bottom.

    NormFace and its like normalise features and weights. Those weights have as many rows as
    the features have values, which a code between the two would change.

    Raises:
        SurgeryError: naming the blob.
    """
    if classifier.type == "InnerProduct" and len(classifier.bottoms) > 1:
        raise SurgeryError(
            f"the classifier '{classifier.name}' has a second bottom, '{classifier.bottoms[1]}', "
            f"which forks of Caffe read as its weights: these fit '{classifier.bottoms[0]}', and "
            "would not fit a code",
            location=classifier.bottom_location(1),
            hint="give it weights of its own, with one bottom, or choose another with --head",
            layer=classifier.name,
        )


def _share_a_phase(net: Net, one: Layer, other: Layer) -> bool:
    return any(net.graph(p).takes_part(one) and net.graph(p).takes_part(other) for p in PHASES)


def _no_head(net: Net, all_heads: Sequence[Head], name: str) -> UnknownLayer:
    layers = [layer.name for layer in net.layers]
    if name in layers or name in net.blob_names:
        return UnknownLayer(
            f"'{name}' belongs to no classifier; the net has:\n{heads_text(all_heads) or '  none'}",
            location=Location(net.file),
            layer=name,
        )
    return UnknownLayer(
        f"no layer or blob is called '{name}'",
        location=Location(net.file),
        hint=net.name_hint(name),
        layer=name,
    )
