"""Preparing a net for its hash layer: the classifier, its classes, the auxiliary heads."""

from __future__ import annotations

from collections.abc import Mapping

from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.errors import UsageError
from ssdh_surgery.names import count_text
from ssdh_surgery.pipeline.edit.draft import NetDraft
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.hashing import aux_heads, classifier, width
from ssdh_surgery.surgery.hashing.convolutional_head import to_inner_product
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.hashing.shared_weights import refuse_shared
from ssdh_surgery.surgery.verbs.fields import Removal
from ssdh_surgery.surgery.verbs.layers import rename_net


def prepare_net(draft: NetDraft, head: Head, settings: Settings) -> None:
    """Prepare a net for its hash layer: classifier, classes and auxiliary heads.

    Args:
        draft: the net.
        head: the head that will learn from the codes.
        settings: the effective settings; for a net that has a hash layer, the explicit ones.

    Raises:
        UsageError: options contradict each other.
        SurgeryError: the classifier is applied at several positions or shares its weights, its
            scores are divided by count, or auxiliary heads have too few classes.
    """
    refuse_shared(draft.net, head.classifier)
    name_net(draft, settings)
    make_inner_product(draft, head, settings.recipe.remove)
    name, recipe = head.classifier.name, settings.recipe
    aux, classes = settings.get("aux") or "keep", settings.get("classes")
    if aux == "retarget" and classes is None:
        raise UsageError("--aux retarget needs --classes, the number of classes of all heads")
    if aux == "drop":
        _drop_aux_heads(draft, name, recipe)
    if classes is not None:
        _set_classes(draft, name, classes, aux == "retarget", recipe)


def name_net(draft: NetDraft, settings: Settings) -> None:
    """Give a net the name that the settings have for it, if any."""
    if (name := settings.get("net_name")) is not None:
        draft.do(rename_net(draft.net, name))


def make_inner_product(draft: NetDraft, head: Head, remove: Removal) -> None:
    """Turn a classifier that is a convolution with a single position into an InnerProduct.

    Raises:
        SurgeryError: the convolution has several positions.
    """
    draft.notes += draft.do(to_inner_product(draft.net, head, remove)).notes


def _drop_aux_heads(draft: NetDraft, name: str, recipe: Recipe) -> None:
    removed = draft.do(aux_heads.drop(draft.net, draft.head(name), recipe.remove)).removed
    if removed:
        how = "commented out" if recipe.remove == "comment" else "removed"
        names = ", ".join(layer.name for layer in removed)
        draft.notes.append(f"auxiliary heads {how}: {names}")


def _set_classes(draft: NetDraft, name: str, classes: int, retarget: bool, recipe: Recipe) -> None:
    head = draft.head(name)
    classifier.refuse_divided(draft.net, head, classes)
    aux_names: tuple[str, ...] = ()
    if retarget:
        aux = draft.do(aux_heads.retarget(draft.net, head, classes, recipe.classifier_lr))
        aux_names = aux.names
    else:
        aux_heads.refuse_too_few_classes(draft.net, head, classes)
    before, words = head.classes, count_text(classes, "class", "classes")
    draft.do(classifier.set_classes(draft.head(name), classes))
    if before != classes:
        old = "" if before is None else f" (before: {before})"
        draft.notes.append(f"'{name}' now has {words}{old}: it starts from its filler")
        renaming = draft.do(width.rename_resized(draft.net, draft.head(name).classifier))
        if renaming.names:
            draft.notes.append(renamed_note(renaming.names))
    if aux_names:
        listed = ", ".join(f"'{each}'" for each in aux_names)
        draft.notes.append(
            f"the auxiliary heads now have {words} and start from their fillers: {listed}"
        )


def renamed_note(new_names: Mapping[str, str]) -> str:
    """A note on layers with new names, by their old names, since their weights no longer fit."""
    names = ", ".join(f"'{old}' is now '{new}'" for old, new in new_names.items())
    return f"start from their fillers, under names without trained weights: {names}"


def rename_where_changed(draft: NetDraft, before: Head, settings: Settings) -> str:
    """Rename a classifier above a hash layer that gets other classes: its weights do not fit.

    A name that the command line sets is applied later and needs no note.

    Returns:
        The name of the classifier afterwards.
    """
    name, classes = before.classifier.name, settings.get("classes")
    if classes is None or before.classes == classes:
        return name
    net, layer = draft.net, draft.head(name).classifier
    new = classifier.changed_name(net, layer)
    draft.do(classifier.rename_classifier(net, layer, new))
    if settings.get("classifier_name") is None:
        draft.notes.append(f"'{name}' is now '{new}'")
    return new
