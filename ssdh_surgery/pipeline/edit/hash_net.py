"""The net's part of a patch: the hash layer, the data, and what a user should know of both."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from ssdh_surgery.caffe.net.heads import HashLayer, Head, find_head, hash_layer_below
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import UnknownLayer, did_you_mean
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.edit import objective, prepare_net
from ssdh_surgery.pipeline.edit.draft import head_named
from ssdh_surgery.pipeline.edit.result import Step
from ssdh_surgery.pipeline.nets.choose_head import refuse_twins
from ssdh_surgery.pipeline.settings.options import filler_text
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.hashing import adjust, width
from ssdh_surgery.surgery.hashing.insert import Hashed, hash_train_net
from ssdh_surgery.surgery.hashing.recipe import Recipe


def hash_step(
    net: Net,
    head: Head,
    given: Settings,
    wanted: Settings,
    fresh: Mapping[str, str] | None = None,
) -> Step:
    """The hash layer for one head; where it has one, only what was asked for in so many words.

    Args:
        net: the net.
        head: the head that is to learn from the codes.
        given: what the command line asks for.
        wanted: the same, with what the workspace has where it is silent.
        fresh: the names that layers of another width got in the train net, for its test nets.

    Raises:
        SurgeryError: the net cannot be hashed.
        UsageError: options contradict each other.
    """
    there = hash_layer_below(net, head.classifier)
    # An InnerProduct with a Sigmoid may be a net's own: --at names its code to hash that.
    is_new = there is None or wanted.get("at") in (head.features, there.code.name)
    if is_new and there is not None:
        wanted = given.over(wanted.without(_names_of(there)))
    asked = wanted if is_new else given
    done = prepare_net.before_hash(net, head, asked)
    name = head.classifier.name
    if not is_new:
        name = prepare_net.renamed_where_changed(done, head, asked)
    renamed = {name} - {head.classifier.name}

    def own(net: Net) -> Step:
        head = head_named(net, name)
        if is_new:
            return _new_step(net, head, wanted)
        names = _fresh_names(net, head, given, renamed) if fresh is None else fresh
        return _existing_step(net, head, given, wanted, names)

    step, before = own(done.net), len(done.verbs)
    done.notes += step.notes
    if before or objective.goes_on(asked) or (step.hashed and step.hashed.removed):
        done.do(lambda net: own(net).change)
        objective.after_hash(done, _classifier_of(step, given, name), asked)
        objective.silence_unread(done, net)
    step = replace(step, notes=tuple(done.notes))
    if before:
        return replace(step, change=Change(), then=done.bound())
    return replace(step, then=done.bound()[bool(step.change) :])


def _classifier_of(step: Step, given: Settings, name: str) -> str:
    """What the classifier of that name is called after a step."""
    if step.hashed is not None:
        return step.hashed.classifier
    return str(given.get("classifier_name") or step.renamed.get(name, name))


def _new_step(net: Net, head: Head, wanted: Settings) -> Step:
    """A hash layer for a net that is ready for it."""
    hashed = hash_train_net(net, head, wanted.recipe, wanted.get("at"))
    return Step(hashed.change, hash_notes(hashed, wanted.recipe), hashed)


def _there(net: Net, head: Head) -> HashLayer:
    there = hash_layer_below(net, head.classifier)
    assert there is not None, "what is not new is there"
    return there


def _fresh_names(
    net: Net, head: Head, given: Settings, renamed: Collection[str]
) -> Mapping[str, str]:
    """New names for layers that another width was asked for; not for those that have one."""
    there = _there(net, head)
    if given.get("bits") in (None, there.bits):
        return {}
    own = {"latent_name": there.latent.name, "classifier_name": head.classifier.name}
    named = {own[option] for option in given.named(tuple(own))}
    return width.fresh_names(net, there, {*renamed, *named})


def _existing_step(
    net: Net, head: Head, given: Settings, wanted: Settings, fresh: Mapping[str, str]
) -> Step:
    """The hash layer that is there: its own settings, as far as they are given."""
    there = _there(net, head)
    if given.get("at") is not None:
        adjust.refuse_moving(net, head, there, given.get("at"))
    asked = given.named(adjust.SETTINGS)
    bits = asked.get("bits", there.bits)
    found = f"'{there.latent.name}' -> '{there.code.name}', {there.bits} bits"
    offer = "" if asked else "; --bits N gives it another width"
    notes = [f"has a hash layer already: {found}{offer}"]
    ours = {*_names(Recipe()), *_names(wanted.recipe)}
    if not asked and not ours & {there.latent.name, there.code.name}:
        notes.append(f"if that is the net's own, --at {there.code.name} puts a hash layer on it")
    if given.get("classifier_lr") is not None:
        notes.append("--classifier-lr goes with a new hash layer: the rates stay as they are")
    change = adjust.adjust(net, head.classifier, there, asked, fresh)
    if bits != there.bits:
        notes += _width_notes(there, asked, fresh)
    return Step(change, tuple(notes), existing=there, renamed=fresh)


def _width_notes(
    there: HashLayer, asked: Mapping[str, object], fresh: Mapping[str, str]
) -> list[str]:
    names = ", ".join(f"'{old}' is now '{new}'" for old, new in fresh.items())
    notes = [f"its width becomes {asked['bits']} bits: weights of the old width no longer fit"]
    if names:
        notes.append(f"start from their fillers, under names that no trained weights have: {names}")
    inner = there.latent.holder("inner_product_param")
    if inner is not None and not inner.message("weight_filler") and "filler" not in asked:
        notes.append(
            f"'{there.latent.name}' has no weight_filler, and Caffe starts it from zeros: --filler "
            f"{filler_text(Recipe().filler)} gives it one"
        )
    return notes


def _names_of(there: HashLayer) -> dict[str, str]:
    return {"latent_name": there.latent.name, "code_name": there.code.tops[0]}


def _names(recipe: Recipe) -> tuple[str, str]:
    return recipe.latent_name, recipe.code_name


def hash_notes(hashed: Hashed, recipe: Recipe) -> tuple[str, ...]:
    """What went with a new hash layer."""
    how = "commented out" if recipe.remove == "comment" else "removed"
    gone = ", ".join(layer.name for layer in hashed.removed)
    return (*([f"{how}, nothing needs them any more: {gone}"] if gone else []), *hashed.notes)


def test_step(net: Net, head: Head, main: Step, given: Settings, wanted: Settings) -> Step:
    """A test net's part: the same names, bits and place as its train net has.

    Raises:
        UnknownLayer: it has no such classifier.
    """
    names = [head.classifier.name, main.hashed.classifier if main.hashed else ""]
    same = next(filter(None, (find_head(net, name) for name in names if name)), None)
    if same is None:
        raise UnknownLayer(
            f"the test net has no classifier '{head.classifier.name}' as the train net has; Caffe "
            "would test a random one",
            location=Location(net.file),
            hint=did_you_mean(head.classifier.name, [layer.name for layer in net.layers]),
        )
    refuse_twins(net, same.classifier)
    return hash_step(net, same, given, wanted, main.renamed if main.existing else None)
