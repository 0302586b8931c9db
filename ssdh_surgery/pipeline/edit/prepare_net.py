"""A net made ready for its hash layer: its classifier, its classes, its other heads."""

from __future__ import annotations

from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.edit.draft import NetDraft
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.hashing import aux_heads, classifier
from ssdh_surgery.surgery.hashing.convolutional import to_inner_product
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.hashing.shared_weights import refuse_shared
from ssdh_surgery.surgery.verbs.fields import Removal


def prepare_net(draft: NetDraft, head: Head, settings: Settings) -> None:
    """Make a net ready for its hash layer: one InnerProduct, the classes, the other heads.

    Args:
        draft: the net.
        head: the head that is to learn from the codes.
        settings: the settings in force; for a net that has a hash layer the explicit ones alone.

    Raises:
        UsageError: options contradict each other.
        SurgeryError: the classifier classifies places or shares its weights, or auxiliary heads
            have too few classes.
    """
    refuse_shared(draft.net, head.classifier)
    make_inner_product(draft, head, settings.recipe.remove)
    name, recipe = head.classifier.name, settings.recipe
    aux, classes = settings.get("aux") or "keep", settings.get("classes")
    if aux == "retarget" and classes is None:
        raise UsageError("--aux retarget needs --classes: the number of classes of all heads")
    if aux == "drop":
        _drop_aux_heads(draft, name, recipe)
    if classes is not None:
        _set_classes(draft, name, classes, aux == "retarget", recipe)


def make_inner_product(draft: NetDraft, head: Head, remove: Removal) -> None:
    """Make a head's classifier an InnerProduct, where it is a convolution of one place.

    Raises:
        SurgeryError: it classifies places.
    """
    draft.notes += draft.do(to_inner_product(draft.net, head, remove)).notes


def _drop_aux_heads(draft: NetDraft, name: str, recipe: Recipe) -> None:
    dropped = draft.do(aux_heads.drop(draft.net, draft.head(name), recipe.remove))
    if dropped.removed:
        how = "commented out" if recipe.remove == "comment" else "removed"
        draft.notes.append(f"auxiliary heads {how}: {_names(dropped.removed)}")


def _set_classes(draft: NetDraft, name: str, classes: int, retarget: bool, recipe: Recipe) -> None:
    head = draft.head(name)
    renamed: tuple[str, ...] = ()
    if retarget:
        aux = draft.do(aux_heads.retarget(draft.net, head, classes, recipe.classifier_lr))
        renamed = tuple(aux.classifiers)
    else:
        aux_heads.refuse_too_few_classes(draft.net, head, classes)
    before = head.classes
    draft.do(classifier.set_classes(draft.head(name), classes))
    if before != classes:
        draft.notes.append(
            f"'{name}' had {before} classes and gets {classes}: it starts from its filler"
        )
    if renamed:
        listed = ", ".join(f"'{each}'" for each in renamed)
        draft.notes.append(
            f"auxiliary heads with {classes} classes start from their fillers: {listed}"
        )


def rename_where_changed(draft: NetDraft, before: Head, settings: Settings) -> str:
    """Rename a classifier that has a hash layer and gets other classes: old weights do not fit.

    A name given on the command line is set later, and needs no note.

    Returns:
        The name that it has then.
    """
    name, classes = before.classifier.name, settings.get("classes")
    if classes is None or before.classes == classes:
        return name
    net, layer = draft.net, draft.head(name).classifier
    new = classifier.changed_name(net, layer)
    draft.do(classifier.rename_classifier(net, layer, new))
    if settings.get("classifier_name") is None:
        draft.notes.append(f"it is called '{new}' now")
    return new


def _names(layers: tuple[Layer, ...]) -> str:
    return ", ".join(layer.name for layer in layers)
