"""The deploy net's part: the hash layer in the place of the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ssdh_surgery.caffe.net.heads import HashLayer, hash_layer_below, hash_layer_of, heads
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.pipeline.deploy.compare import compared
from ssdh_surgery.pipeline.edit.draft import InTurn, head_named
from ssdh_surgery.pipeline.edit.hash_net import hash_notes
from ssdh_surgery.pipeline.edit.result import PatchedFile, Step, finished
from ssdh_surgery.pipeline.edit.upgraded import upgraded_source
from ssdh_surgery.pipeline.files.caffe_paths import data_folders
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.nets.caffe_refusals import mistakes, told
from ssdh_surgery.pipeline.nets.choose_head import chosen_head
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.hashing import adjust
from ssdh_surgery.surgery.hashing.convolutional import to_inner_product
from ssdh_surgery.surgery.hashing.insert import Hashed, hash_deploy_net
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.verbs import inputs as deploy_verbs
from ssdh_surgery.surgery.verbs import layers


def deploy_settings(given: Settings, known: NetRecord | None) -> Settings:
    """What a deploy net is patched with: options, then what its train net was patched with.

    Its own head is its output: `--head` of the train net says nothing about it.
    """
    if known is None:
        return given
    recorded = known.settings.values
    return given.over(Settings({name: value for name, value in recorded.items() if name != "head"}))


def _place(net: Net, wanted: Settings, known: NetRecord | None) -> str | None:
    """The blob to hash: the train net's, where this net has one of that name."""
    features = known.get("features") if known else None
    return wanted.get("at") or (str(features) if features in net.blob_names else None)


def patched_deploy(
    source: SourceFile,
    given: Settings,
    known: NetRecord | None,
    plan: WritePlan,
    *,
    binary: bool = False,
    batch: int | None = None,
) -> PatchedFile:
    """A deploy net with the hash layer in the place of its classifier.

    Raises:
        SurgeryError: it cannot be hashed, or the codes need layers that it does not have as
            the train net has them.
    """
    wanted = deploy_settings(given, known)
    source = upgraded_source(source) if wanted.get("upgrade") else source
    net = net_of(source.document)
    batched = deploy_verbs.set_batch(net, batch)
    there = hash_layer_in(net, wanted, known)
    ready = InTurn(net) if there else _ready(net, wanted)
    warnings = compared(ready.net, known, wanted)
    if there:
        step = _existing_step(net, there, given, known, binary)
    else:
        step = _new_step(ready, wanted, known, binary)
    done = finished(source, replace(step, change=merged([step.change, batched])), plan)
    warnings += _refused(net, net_of(done.after), data_folders(source.path))
    return replace(done, warnings=(*done.warnings, *warnings))


def _refused(net: Net, after: Net, folders: Sequence[Path]) -> list[str]:
    """Warnings about what Caffe refuses in a deploy net, where it was not the classifier's."""
    still = mistakes(after, after.state("TEST"), folders)
    return told(mistakes(net, net.state("TEST"), folders)) if still else []


def _ready(net: Net, wanted: Settings) -> InTurn:
    """A deploy net whose classifier is an InnerProduct, converted if need be."""
    head = chosen_head(net, wanted.get("head"))
    name, how = head.classifier.name, wanted.recipe.remove
    done = InTurn(net)
    done.notes += to_inner_product(net, head, how).notes
    done.do(lambda net: to_inner_product(net, head_named(net, name), how).change)
    return done


def _new_step(done: InTurn, wanted: Settings, known: NetRecord | None, binary: bool) -> Step:
    """The hash layer in the place of the classifier of a net that is ready for it."""
    recipe = wanted.recipe
    name = chosen_head(done.net, wanted.get("head")).classifier.name

    def own(net: Net) -> Hashed:
        place = _place(net, wanted, known)
        return hash_deploy_net(net, head_named(net, name), recipe, place, binary=binary)

    hashed = own(done.net)
    ends = _ends_like_a_code(done.net, name) if known is None else []
    notes = (*done.notes, *hash_notes(hashed, recipe), *ends)
    if not done.verbs:
        return Step(hashed.change, notes, hashed)
    done.do(lambda net: own(net).change)
    return Step(Change(), notes, hashed, then=done.bound())


def _ends_like_a_code(net: Net, classifier: str) -> list[str]:
    """A doubt: probabilities of several labels and a code are written alike."""
    graph = net.graph("TEST")
    found = (hash_layer_of(graph, blob) for blob in graph.outputs)
    return [
        f"'{there.latent.name}' is taken for the classifier; if '{there.code.name}' is a code "
        f"already: --code-name {there.code.name}"
        for there in found
        if there is not None and there.latent.name == classifier
    ]


def hash_layer_in(net: Net, wanted: Settings, known: NetRecord | None) -> HashLayer | None:
    """The hash layer that a deploy net has: by the code's name, else below its classifier.

    A net's own InnerProduct with a Sigmoid is none where its train net has the code elsewhere.
    """
    graph, name = net.graph("TEST"), wanted.recipe.code_name
    for layer in graph.layers:
        if layer.type == "Sigmoid" and name in (layer.name, *layer.tops):
            return hash_layer_of(graph, graph.writes(layer)[0])
    if known is not None:
        return None
    found = (hash_layer_below(net, head.classifier) for head in heads(net))
    there = next(filter(None, found), None)
    at = wanted.get("at")
    return there if there is None or at in (None, there.latent.bottoms[0]) else None


def _existing_step(
    net: Net, there: HashLayer, given: Settings, known: NetRecord | None, binary: bool
) -> Step:
    """For a deploy net with a hash layer: what the train net has, or was asked for."""
    notes = [f"has a hash layer already: '{there.code.name}'"]
    classifier = next(
        (h.classifier for h in heads(net) if hash_layer_below(net, h.classifier) == there), None
    )
    asked = {**_as_trained(known), **given.named(("bits", "latent_name", "code_name"))}
    change = adjust.adjust(net, classifier, there, asked, {})
    bits = asked.get("bits", there.bits)
    if bits != there.bits:
        notes.append(f"its width becomes {bits} bits")
    changes = [change]
    name = f"{asked.get('code_name', there.code.name)}_binary"
    if binary and not net.named(name):
        recipe = Recipe(code_name=asked.get("code_name", there.code.tops[0]))
        changes.append(layers.insert_after(there.code, [recipe.binary_layer()]))
    return Step(merged(changes), tuple(notes))


def _as_trained(known: NetRecord | None) -> dict[str, Any]:
    """The width and the names that the train net's hash layer has."""
    keys = {"bits": "bits", "latent": "latent_name", "classifier": "classifier_name"}
    found = {option: known.get(key) for key, option in keys.items()} if known else {}
    return {option: value for option, value in found.items() if value is not None}
