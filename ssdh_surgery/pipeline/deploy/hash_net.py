"""Patching a deploy net: the hash layer takes the place of its classifier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ssdh_surgery.caffe.net.heads import HashLayer, hash_layer_below, hash_layer_of, heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.pipeline.deploy.compare import compare
from ssdh_surgery.pipeline.deploy.trained_features import trained_features
from ssdh_surgery.pipeline.edit.draft import Draft, NetDraft
from ssdh_surgery.pipeline.edit.hash_net import existing_note, insertion_notes
from ssdh_surgery.pipeline.edit.prepare_net import make_inner_product, name_net
from ssdh_surgery.pipeline.edit.result import FileResult, result_of
from ssdh_surgery.pipeline.edit.upgrade_files import upgrade_source
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.nets.choose_head import choose_head
from ssdh_surgery.pipeline.nets.refusals import as_warnings, refuse_worse
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.hashing.adjust import adjust
from ssdh_surgery.surgery.hashing.insert import end_of_features, hash_deploy_end, hash_deploy_net
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.verbs import inputs, layers


def deploy_settings(explicit: Settings, record: NetRecord | None) -> Settings:
    """The settings of a deploy net: the explicit ones over those of its train net.

    The head of the train net is not one of them: a deploy net has its own.
    """
    if record is None:
        return explicit
    recorded = record.settings.values
    return explicit.over(Settings({name: recorded[name] for name in recorded if name != "head"}))


def patch_deploy(
    source: SourceFile,
    explicit: Settings,
    record: NetRecord | None,
    plan: WritePlan,
    *,
    binary: bool = False,
    batch: int | None = None,
) -> FileResult:
    """Put the hash layer in the place of a deploy net's classifier; adjust an existing one.

    In a net that ends with the features that are hashed it is added behind them.

    Args:
        source: the deploy net.
        explicit: the settings of the command line.
        record: the workspace's record of its train net.
        plan: the writing options.
        binary: add a top of zeros and ones.
        batch: the batch size of the inputs; None leaves it.

    Raises:
        SurgeryError: it cannot be hashed, or layers that the codes need differ from those of
            the train net, or Caffe would refuse the result and not the original.
    """
    settings = deploy_settings(explicit, record)
    source = upgrade_source(source) if settings.get("upgrade") else source
    draft = NetDraft(Draft(source.document, source.kind))
    before = draft.net
    name_net(draft, settings)
    hash_layer = hash_layer_in(draft.net, settings, record)
    place = _place(draft.net, settings, record) if hash_layer is None else None
    if hash_layer is None and place is None and record is None:
        trained = trained_features(source, draft.net, settings)
        if trained is not None:
            place = trained.blob
            draft.notes.append(f"{trained.train} classifies by '{place}', with which this net ends")
    end = end_of_features(draft.net, place) if place else None
    if hash_layer is None and end is None:
        head = choose_head(draft.net, settings.get("head"), settings.get("at"))
        make_inner_product(draft, head, settings.recipe.remove)
    warnings = compare(draft.net, record, settings)
    batch_change = inputs.set_batch(draft.net, batch)
    if end is not None:
        insertion = hash_deploy_end(draft.net, end, settings.recipe, binary=binary)
        draft.notes += draft.do(insertion, batch_change).notes
    elif hash_layer is None:
        _insert(draft, head.classifier.name, settings, record, binary, batch_change)
    else:
        _adjust(draft, hash_layer, explicit, record, binary, batch_change)
    folders = working_folders(source.path)
    # What is wrong in the original may have gone with its classifier.
    state = before.state("TEST")
    warnings += as_warnings(refuse_worse((before, state), (draft.net, state), folders))
    result = result_of(source, draft.draft, plan, draft.notes)
    return replace(result, warnings=(*result.warnings, *warnings))


def _insert(
    draft: NetDraft,
    classifier: str,
    settings: Settings,
    record: NetRecord | None,
    binary: bool,
    batch_change: Change,
) -> None:
    """Put the hash layer in the place of the classifier of a net that is ready for it."""
    net, recipe = draft.net, settings.recipe
    place = _place(net, settings, record)
    insertion = hash_deploy_net(net, draft.head(classifier), recipe, place, binary=binary)
    draft.notes += insertion_notes(insertion, recipe)
    if record is None:
        draft.notes += _code_notes(net, classifier)
        draft.notes += _end_notes(net, classifier) if place is None else []
    draft.do(insertion, batch_change)


def _place(net: Net, settings: Settings, record: NetRecord | None) -> str | None:
    """The blob to hash: that of the train net, if this net has a blob of that name."""
    features = record.get("features") if record else None
    return settings.get("at") or (str(features) if features in net.blob_names else None)


def _code_notes(net: Net, classifier: str) -> list[str]:
    """Notes on outputs that may be codes: Sigmoids over several labels look the same."""
    graph = net.graph("TEST")
    hash_layers = (hash_layer_of(graph, blob) for blob in graph.outputs)
    return [
        f"'{each.latent.name}' is assumed to be the classifier; if '{each.code.name}' is already "
        f"a code: --code-name {each.code.name}"
        for each in hash_layers
        if each is not None and each.latent.name == classifier
    ]


def _end_notes(net: Net, classifier: str) -> list[str]:
    """A note on a last layer that may compute features: nothing makes scores of its outputs."""
    top = net.layer(classifier).tops[0]
    if end_of_features(net, top) is None:
        return []
    return [
        f"'{classifier}', the last layer, is assumed to be the classifier; if '{top}' are the "
        f"features: --at {top}"
    ]


def hash_layer_in(net: Net, settings: Settings, record: NetRecord | None) -> HashLayer | None:
    """The hash layer of a deploy net: found by the name of the code, else below its classifier.

    With a record of the train net only the name counts: another InnerProduct with a Sigmoid is
    the net's own.
    """
    graph, name = net.graph("TEST"), settings.recipe.code_name
    named = [graph.writes(layer)[0] for layer in graph.layers if layer.name == name and layer.tops]
    for blob in (graph.last(name), *named):
        if (hash_layer := hash_layer_of(graph, blob)) is not None:
            return hash_layer
        latent = blob.writer if blob else None
        is_product = latent is not None and latent.type == "InnerProduct" and latent.is_connected
        if record is not None and latent is not None and is_product:
            return HashLayer(latent, latent)
    if record is not None:
        return None
    below = [hash_layer_below(net, head.classifier) for head in heads(net)]
    # The scores of several labels have a Sigmoid, too, but no other of these activations.
    ends = [hash_layer_of(graph, blob) for blob in graph.outputs]
    others = [each for each in ends if each is not None and each.code.type != "Sigmoid"]
    hash_layer = next(filter(None, [*below, *others]), None)
    at = settings.get("at")
    is_at = hash_layer is None or at in (None, hash_layer.latent.bottoms[0])
    return hash_layer if is_at else None


def _adjust(
    draft: NetDraft,
    hash_layer: HashLayer,
    explicit: Settings,
    record: NetRecord | None,
    binary: bool,
    batch_change: Change,
) -> None:
    """Give an existing hash layer the values of the train net's, and the explicit settings."""
    net = draft.net
    draft.notes.append(
        f"the net already has a hash layer: '{hash_layer.code.name}'"
        if hash_layer.code.type == "Sigmoid"
        else existing_note(hash_layer)
    )
    classifier = next(
        (
            head.classifier
            for head in heads(net)
            if hash_layer_below(net, head.classifier) == hash_layer
        ),
        None,
    )
    values = {**_recorded_values(record), **explicit.named(("bits", "latent_name", "code_name"))}
    bits = values.get("bits", hash_layer.bits)
    if bits != hash_layer.bits:
        draft.notes.append(f"its width is now {bits} bits")
    changes = [batch_change]
    name = f"{values.get('code_name', hash_layer.code.name)}_binary"
    if binary and not net.named(name):
        recipe = Recipe(code_name=values.get("code_name", hash_layer.code.tops[0]))
        binary_layer = recipe.binary_layer(hash_layer.threshold)
        changes.append(layers.insert_after(hash_layer.code, [binary_layer]))
    draft.do(adjust(net, classifier, hash_layer, values, {}), *changes)


def _recorded_values(record: NetRecord | None) -> dict[str, Any]:
    """The width and the names of the train net's hash layer."""
    keys = {"bits": "bits", "latent": "latent_name", "classifier": "classifier_name"}
    values = {option: record.get(key) for key, option in keys.items()} if record else {}
    return {option: value for option, value in values.items() if value is not None}
