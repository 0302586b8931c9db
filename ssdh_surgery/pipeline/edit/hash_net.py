"""The hash layer of one net: inserted, or adjusted where the net has one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ssdh_surgery.caffe.net.heads import HashLayer, Head, find_head, hash_layer_below
from ssdh_surgery.caffe.net.phase import Phase
from ssdh_surgery.errors import SurgeryError, UnknownLayer, did_you_mean
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.edit.draft import NetDraft
from ssdh_surgery.pipeline.edit.objective import put_objective, sets_objective, silence_unread
from ssdh_surgery.pipeline.edit.prepare_net import (
    prepare_net,
    rename_where_changed,
    renamed_note,
)
from ssdh_surgery.pipeline.nets.choose_head import refuse_twins, refuse_weight_bottoms
from ssdh_surgery.pipeline.settings.options import OPTIONS, names_in
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.hashing import adjust, width
from ssdh_surgery.surgery.hashing.insert import HashInsertion, hash_train_net
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.verbs.data_layers import Repointing, repoint

_DATA = names_in("data")


@dataclass(frozen=True)
class HashPlan:
    """What to do with every net of a file group, decided on the train net before any change.

    Attributes:
        classifier: the classifier that learns from the codes, by its name before the patch.
        explicit: the settings of the command line; all that an existing hash layer gets.
        settings: the explicit settings over the recorded ones; a new hash layer gets these.
    """

    classifier: str
    explicit: Settings
    settings: Settings


@dataclass(frozen=True)
class HashResult:
    """The result for one net: the `insertion` of a hash layer, or the `hash_layer` it had before.

    `classifier` is the name of the classifier after the patch. `new_names` maps the layers
    whose weights no longer fit the new width of an existing hash layer to their new names.
    `has_objective` is true of a new hash layer with objective terms on its code.
    """

    classifier: str
    insertion: HashInsertion | None = None
    hash_layer: HashLayer | None = None
    new_names: Mapping[str, str] = field(default_factory=dict)
    has_objective: bool = False


def hash_net(
    draft: NetDraft,
    plan: HashPlan,
    phases: Collection[Phase] = (),
    train: HashResult | None = None,
) -> HashResult:
    """Insert a hash layer; in a net that has one, set the explicit settings.

    Args:
        draft: the net.
        plan: what to do.
        phases: the phases whose data layers read the data of the settings.
        train: for a test net: the result for its train net.

    Raises:
        SurgeryError: the net cannot be hashed.
        UsageError: options contradict each other.
    """
    before, head = draft.net, draft.head(plan.classifier)
    hash_layer = hash_layer_below(before, head.classifier)
    settings = plan.settings
    # An InnerProduct with a Sigmoid may be the net's own: --at with its code puts ours on it.
    is_new = hash_layer is None or settings.get("at") in (head.features, hash_layer.code.name)
    if is_new and hash_layer is not None:
        settings = plan.explicit.over(settings.without(_layer_names(hash_layer)))
    if not is_new:
        settings = plan.explicit
    prepare_net(draft, head, settings)
    is_prepared = draft.net is not before
    if is_new:
        result = _insert(draft, plan, settings, phases)
    else:
        result = _adjust(draft, head, plan, phases, train)
    has_removed = result.insertion is not None and bool(result.insertion.removed)
    if is_prepared or has_removed or sets_objective(settings):
        put_objective(draft, result.classifier, settings)
        silence_unread(draft, before)
    return result


def hash_test_net(
    draft: NetDraft, plan: HashPlan, train: HashResult, phases: Collection[Phase]
) -> HashResult:
    """Give a test net the hash layer of its train net: the same names, width and place.

    Raises:
        UnknownLayer: the test net does not have the classifier.
    """
    net = draft.net
    names = [plan.classifier, *([train.insertion.classifier] if train.insertion else [])]
    head = next(filter(None, (find_head(net, name) for name in names)), None)
    if head is None:
        raise UnknownLayer(
            f"the test net does not have the classifier '{plan.classifier}' of the train net: "
            "Caffe would test a random one",
            location=Location(net.file),
            hint=did_you_mean(plan.classifier, [layer.name for layer in net.layers]),
        )
    refuse_twins(net, head.classifier)
    refuse_weight_bottoms(net, head.classifier)
    own_plan = HashPlan(head.classifier.name, plan.explicit, plan.settings)
    return hash_net(draft, own_plan, phases, train)


def _insert(
    draft: NetDraft, plan: HashPlan, settings: Settings, phases: Collection[Phase]
) -> HashResult:
    """Insert a hash layer into a net that is ready for it."""
    net, head = draft.net, draft.head(plan.classifier)
    insertion = hash_train_net(net, head, settings.recipe, settings.get("at"))
    repointing = repoint(net, head.classifier, plan.settings.data, phases)
    draft.do(insertion, repointing)
    _warn_of_kept_sources(draft, repointing)
    draft.notes += insertion_notes(insertion, settings.recipe)
    has_objective = settings.get("objective") == "ssdh"
    return HashResult(insertion.classifier, insertion, has_objective=has_objective)


def _warn_of_kept_sources(draft: NetDraft, repointing: Repointing) -> None:
    for each in repointing.kept:
        draft.warn(
            f"layer '{each.layer.name}' of line {each.layer.line}, which has no images, still "
            f"reads '{each.source}': its records must belong to those of the new data, in the same "
            "order"
        )


def insertion_notes(insertion: HashInsertion, recipe: Recipe) -> tuple[str, ...]:
    """Notes about a new hash layer: the layers that it made superfluous first."""
    how = "commented out" if recipe.remove == "comment" else "removed"
    names = ", ".join(layer.name for layer in insertion.removed)
    notes = [f"{how}, no longer needed: {names}"] if names else []
    return (*notes, *insertion.notes)


def _adjust(
    draft: NetDraft,
    before: Head,
    plan: HashPlan,
    phases: Collection[Phase],
    train: HashResult | None,
) -> HashResult:
    """Set the explicit settings of an existing hash layer."""
    explicit = plan.explicit
    name = rename_where_changed(draft, before, explicit)
    net, head = draft.net, draft.head(name)
    hash_layer = hash_layer_below(net, head.classifier)
    assert hash_layer is not None, "a net that gets no new hash layer has one"
    if train is not None and train.hash_layer is not None:
        new_names = train.new_names
    else:
        stays = {name} - {before.classifier.name}
        new_names = _new_names(draft, head, hash_layer, explicit, stays)
    if explicit.get("at") is not None:
        adjust.refuse_moving(net, head, hash_layer, explicit.get("at"))
    values = explicit.named(adjust.SETTINGS)
    change = adjust.adjust(net, head.classifier, hash_layer, values, new_names)
    draft.notes += _adjust_notes(hash_layer, values, new_names, plan)
    repointing = repoint(net, head.classifier, explicit.data, phases)
    draft.do(change, repointing)
    _warn_of_kept_sources(draft, repointing)
    name = str(explicit.get("classifier_name") or new_names.get(name, name))
    return HashResult(name, hash_layer=hash_layer, new_names=new_names)


def _new_names(
    draft: NetDraft, head: Head, hash_layer: HashLayer, explicit: Settings, stays: Collection[str]
) -> Mapping[str, str]:
    """New names for the layers of a hash layer that gets another width.

    Layers that `stays` names keep theirs, and so do those that an explicit setting names.
    """
    if explicit.get("bits") in (None, hash_layer.bits):
        return {}
    names = {"latent_name": hash_layer.latent.name, "classifier_name": head.classifier.name}
    explicit_names = {names[option] for option in explicit.named(tuple(names))}
    return width.fresh_names(draft.net, hash_layer, {*stays, *explicit_names})


def _adjust_notes(
    hash_layer: HashLayer,
    values: Mapping[str, object],
    new_names: Mapping[str, str],
    plan: HashPlan,
) -> list[str]:
    offer = "" if values else "; --bits N changes its width"
    notes = [f"{existing_note(hash_layer)}{offer}"]
    recipes = (Recipe(), plan.settings.recipe)
    ours = {name for recipe in recipes for name in (recipe.latent_name, recipe.code_name)}
    if not values and not ours & {hash_layer.latent.name, hash_layer.code.name}:
        notes.append(
            f"if these layers are the net's own, --at {hash_layer.code.name} puts a hash layer on "
            "top of them"
        )
    if plan.explicit.get("classifier_lr") is not None:
        notes.append("--classifier-lr applies to a new hash layer only: the rates are unchanged")
    if values.get("bits", hash_layer.bits) != hash_layer.bits:
        notes += _width_notes(hash_layer, values, new_names)
    return notes


def refuse_changes(hash_layer: HashLayer, explicit: Settings) -> None:
    """Refuse to change a hash layer whose losses may depend on its width and its names.

    Raises:
        SurgeryError: an explicit setting would change it, or needs a classifier.
    """
    names = (*adjust.SETTINGS, "classes", "aux", "objective", "classifier_filler", *_DATA)
    values = explicit.named(names)
    if values.get("bits") == hash_layer.bits:
        del values["bits"]
    if values:
        flags = ", ".join(OPTIONS[name].flag for name in values)
        raise SurgeryError(
            f"the net learns the {hash_layer.bits} bits of '{hash_layer.latent.name}' "
            f"({hash_layer.activation}) by losses of a fork, without a classifier, and what they "
            "need is unknown",
            location=hash_layer.latent.location,
            hint=f"edit the net by hand, and patch without {flags}",
            layer=hash_layer.latent.name,
        )


def existing_note(hash_layer: HashLayer) -> str:
    """A note on the hash layer that a net has: a Sigmoid's as ours, or one of another kind."""
    latent, code = hash_layer.latent.name, hash_layer.code.name
    if hash_layer.code.type == "Sigmoid":
        return f"the net already has a hash layer: '{latent}' -> '{code}', {hash_layer.bits} bits"
    return (
        f"the net already has a hash layer '{latent}' of {hash_layer.bits} bits "
        f"({hash_layer.activation}): a bit is 1 where '{hash_layer.code.tops[0]}' is above "
        f"{hash_layer.threshold:g}"
    )


def _width_notes(
    hash_layer: HashLayer, values: Mapping[str, object], new_names: Mapping[str, str]
) -> list[str]:
    notes = [f"its width is now {values['bits']} bits: weights of the old width no longer fit"]
    if new_names:
        notes.append(renamed_note(new_names))
    inner = hash_layer.latent.holder("inner_product_param")
    if inner is not None and not inner.message("weight_filler") and "filler" not in values:
        notes.append(
            f"'{hash_layer.latent.name}' has no weight_filler, so Caffe starts it from zeros: "
            f"--filler {Recipe().filler.text} adds one"
        )
    return notes


def _layer_names(hash_layer: HashLayer) -> dict[str, str]:
    return {"latent_name": hash_layer.latent.name, "code_name": hash_layer.code.tops[0]}
