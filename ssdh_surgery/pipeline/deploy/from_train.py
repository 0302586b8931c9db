"""A deploy net derived from a train net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ssdh_surgery.caffe.net.heads import HashLayer, Head, hash_layer_below, heads
from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.net.phase import State
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError, UnknownLayer, UsageError, did_you_mean
from ssdh_surgery.location import Location
from ssdh_surgery.names import size_text
from ssdh_surgery.pipeline.deploy.compare import Comparison, code_state, compare, train_view
from ssdh_surgery.pipeline.deploy.hash_net import deploy_settings
from ssdh_surgery.pipeline.edit.draft import Draft, NetDraft
from ssdh_surgery.pipeline.edit.prepare_net import make_inner_product, name_net
from ssdh_surgery.pipeline.edit.result import FileResult, derived_result
from ssdh_surgery.pipeline.edit.upgrade_files import upgrade_source
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.file_group import DEPLOY_NAME
from ssdh_surgery.pipeline.files.outputs import WritePlan, refuse_derived_in_place
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.nets.choose_head import choose_head, head_name
from ssdh_surgery.pipeline.nets.data_shapes import data_shape
from ssdh_surgery.pipeline.nets.refusals import (
    as_warnings,
    build_errors_with_data,
    refuse_worse,
)
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.derive.deploy import (
    DeployNeeds,
    deploy_needs,
    derive_deploy_net,
    layer_needs,
)
from ssdh_surgery.surgery.hashing.insert import hash_deploy_end, hash_deploy_net
from ssdh_surgery.surgery.verbs import inputs as input_verbs
from ssdh_surgery.surgery.verbs import layers

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class DeployForm:
    """The form of a derived deploy net.

    Attributes:
        shapes: input shapes by blob name; others are taken from the train net and its data.
        binary: add a top of zeros and ones.
        batch: the batch size; None for 1.
        with_classifier: keep the classifier above the code.
    """

    shapes: Shapes = field(default_factory=dict)
    binary: bool = False
    batch: int | None = None
    with_classifier: bool = False


def derive_deploy(
    train: SourceFile,
    explicit: Settings,
    record: NetRecord | None,
    plan: WritePlan,
    form: DeployForm,
) -> FileResult:
    """Derive a deploy net from a train net.

    The hash layer of the train net is kept, with its names and width; a train net without one
    gets a new one. All layers that the codes need are those of the TEST phase.

    Args:
        train: the train net.
        explicit: the settings of the command line.
        record: the workspace's record of the train net.
        plan: the writing options.
        form: the form of the deploy net.

    Raises:
        UsageError: the train net would be overwritten.
        SurgeryError: the net has no classifier that can be hashed, the shape of its input is
            unknown, or its hash layer contradicts the explicit settings.
        MissingExtra: the shape is in an HDF5 file and h5py is not installed.
    """
    refuse_derived_in_place(plan, "train")
    settings = explicit.over(record.settings if record else Settings())
    train = upgrade_source(train) if settings.get("upgrade") else train
    net, folders = train_view(train, record), working_folders(train.path)
    name, at = head_name(net, settings, record), settings.get("at")
    if at is not None and name is None and not heads(net):
        return _derive_features(train, net, settings, plan, form)
    head = choose_head(net, name)
    hash_layer = hash_layer_below(net, head.classifier)
    if hash_layer is not None:
        _refuse_contradictions(net, hash_layer, explicit)
    draft = deploy_draft(train, head, settings, form, net.solver_states)
    own_settings = deploy_settings(explicit, record)
    warnings = _refuse_batch(net, draft.net, own_settings, form.batch, folders)
    if hash_layer is None and record is None:
        warnings.append(f"{_without_hash_layer(train, settings)}; ssdh patch adds one")
    warnings += compare(draft.net, record, own_settings)
    return _result(train, draft, plan, warnings)


def _derive_features(
    train: SourceFile, net: Net, settings: Settings, plan: WritePlan, form: DeployForm
) -> FileResult:
    """A deploy net that hashes a blob of a net without a loss: one for the features alone."""
    if form.with_classifier:
        raise UsageError("--with-classifier needs a net with a classifier; this one has no loss")
    folders = working_folders(train.path)
    draft = NetDraft(Draft(train.document, train.kind), states=net.solver_states)
    name_net(draft, settings)
    end = _writer(draft.net, settings.get("at"))
    sizes = _replace_data(draft, layer_needs(draft.net, end), form, settings, folders)
    inputs = _fit_inputs(draft.net, form, sizes, settings)
    end = _writer(draft.net, settings.get("at"))
    insertion = hash_deploy_end(draft.net, end, settings.recipe, binary=form.binary)
    draft.notes += draft.do(insertion, inputs).notes
    original, result = (net, code_state(net)), (draft.net, draft.net.state("TEST"))
    warnings = as_warnings(refuse_worse(original, result, folders))
    return _result(train, draft, plan, [_without_hash_layer(train, settings), *warnings])


def _without_hash_layer(train: SourceFile, settings: Settings) -> str:
    latent = settings.recipe.latent_name
    return f"{train.name} has no hash layer, so its trained weights have no '{latent}'"


def _result(
    train: SourceFile, draft: NetDraft, plan: WritePlan, warnings: Sequence[str]
) -> FileResult:
    path = plan.target(train.place.with_name(DEPLOY_NAME))
    notes = [f"derived from {train.name}", *draft.notes]
    result = derived_result(train, draft.draft, path, notes)
    return replace(result, warnings=(*result.warnings, *warnings))


def _writer(net: Net, name: str) -> Layer:
    """The last layer that writes a blob, or the layer of that name.

    Raises:
        UnknownLayer: no layer in a state that the net runs in has that name or writes the blob.
    """
    for graph in net.run_graphs:
        blob = graph.last(name)
        layer = next((each for each in graph.layers if each.name == name), None)
        if found := (blob.writer if blob else layer):
            return found
    raise UnknownLayer(
        f"no blob or layer is called '{name}'",
        location=Location(net.file),
        hint=did_you_mean(name, net.names),
        blob=name,
    )


def deploy_draft(
    source: SourceFile,
    head: Head,
    settings: Settings,
    form: DeployForm,
    states: tuple[State, ...] = (),
) -> NetDraft:
    """A draft of the deploy net for a train net, with a hash layer.

    Args:
        source: the train net.
        head: the head that learns from the codes.
        settings: the effective settings.
        form: the form of the deploy net.
        states: the states that a solver runs the train net in, if one does.

    Raises:
        SurgeryError: the net has no classifier that can be hashed, or the shape of its input
            is unknown.
    """
    draft = NetDraft(Draft(source.document, source.kind), states=states)
    name = head.classifier.name
    make_inner_product(draft, head, settings.recipe.remove)
    name_net(draft, settings)
    train, head = draft.net, choose_head(draft.net, name)
    hash_layer = hash_layer_below(train, head.classifier)
    if form.with_classifier and hash_layer is None:
        raise SurgeryError(
            f"no hash layer below the classifier '{name}'",
            location=head.classifier.location,
            hint="ssdh patch adds one; without one, use your own deploy net with the classifier",
        )
    needed = deploy_needs(train, head, with_classifier=form.with_classifier)
    sizes = _replace_data(draft, needed, form, settings, working_folders(source.path))
    inputs = _fit_inputs(draft.net, form, sizes, settings)
    if hash_layer is None:
        _insert(draft, name, settings, form, inputs)
    else:
        _keep(draft, hash_layer, head, settings, form, inputs)
    return draft


def _replace_data(
    draft: NetDraft,
    needed: DeployNeeds,
    form: DeployForm,
    settings: Settings,
    folders: Sequence[Path],
) -> Shapes:
    """Put inputs in the place of data layers, and return the sizes of all inputs."""
    train = draft.net
    data = {blob.name: data_shape(train, blob, form.shapes, folders) for blob in needed.data}
    draft.do(derive_deploy_net(train, needed, data, settings.recipe.remove))
    # A deploy net is not run by a solver.
    draft.states = ()
    sizes = {
        blob: (form.batch or shape[0], *shape[1:])
        for blob, shape in {**form.shapes, **data}.items()
    }
    if data:
        listed = ", ".join(f"{blob} {size_text(sizes[blob])}" for blob in data)
        draft.notes.insert(0, f"inputs: {listed}")
    return sizes


def _fit_inputs(deploy: Net, form: DeployForm, sizes: Shapes, settings: Settings) -> Change:
    """Set the sizes of the inputs, and remove those that only the training needs.

    Raises:
        UnknownLayer: the form has a shape for a blob that is not an input.
    """
    unread = input_verbs.unread_inputs(deploy)
    names = [name for name in input_verbs.input_names(deploy) if name not in unread]
    for name in form.shapes:
        if name not in names:
            raise UnknownLayer(
                f"the deploy net has no input '{name}'",
                location=Location(deploy.file),
                hint=did_you_mean(name, names) or f"its inputs: {', '.join(names) or 'none'}",
                blob=name,
            )
    sized = input_verbs.set_sizes(deploy, names, form.batch or 1, sizes)
    return merge([sized, input_verbs.drop_inputs(deploy, unread, settings.recipe.remove)])


def _insert(
    draft: NetDraft, classifier: str, settings: Settings, form: DeployForm, inputs: Change
) -> None:
    """Add the hash layer that the train net does not have."""
    net, at = draft.net, settings.get("at")
    head = choose_head(net, classifier)
    insertion = hash_deploy_net(net, head, settings.recipe, at, binary=form.binary)
    draft.notes += draft.do(insertion, inputs).notes


def _keep(
    draft: NetDraft,
    hash_layer: HashLayer,
    head: Head,
    settings: Settings,
    form: DeployForm,
    inputs: Change,
) -> None:
    """Keep the hash layer of the train net."""
    code = draft.net.layer(hash_layer.code.name)
    draft.notes.append(f"the hash layer is the train net's: '{code.name}', {hash_layer.bits} bits")
    if form.with_classifier:
        scores = head.classifier.tops[0]
        draft.notes.append(
            f"the classifier is kept: 'ssdh encode --blob {scores}' writes its scores"
        )
    recipe = replace(settings.recipe, code_name=hash_layer.code.tops[0])
    binary = [recipe.binary_layer(hash_layer.threshold)] if form.binary else []
    draft.do(layers.insert_after(code, binary), inputs)


def _refuse_batch(
    train: Net, deploy: Net, settings: Settings, batch: int | None, folders: Sequence[Path]
) -> list[str]:
    """Refuse a batch size that a layer of the net does not work with.

    Returns:
        Warnings about errors that the train net has as well.
    """
    errors = build_errors_with_data(deploy, deploy.state("TEST"), folders)
    errors_before = build_errors_with_data(train, code_state(train), folders)
    if errors and not errors_before:
        raise SurgeryError(
            f"with a batch of {batch or 1} Caffe would refuse the deploy net: {errors[0].message}",
            location=Location(train.file),
            hint="--batch N sets the batch size that the net is trained with",
        )
    params = shapes(deploy, "TEST").params
    for name in filter(params.get, Comparison(deploy, train, settings).missing_layers):
        raise SurgeryError(
            f"the params of layer '{name}' would have other shapes than in the train net: its "
            "weights would not fit",
            location=train.named(name)[0].location,
            hint="--batch N and --input-shape set the inputs that the net is trained with",
        )
    return as_warnings(errors_before) if errors else []


def _refuse_contradictions(net: Net, hash_layer: HashLayer, explicit: Settings) -> None:
    """Refuse explicit settings that contradict the hash layer of the train net."""
    values = {
        "bits": hash_layer.bits,
        "latent_name": hash_layer.latent.name,
        "code_name": hash_layer.code.name,
        "at": hash_layer.latent.bottoms[0],
    }
    for name, value in explicit.named(tuple(values)).items():
        if value != values[name]:
            option = f"--{name.replace('_', '-')}"
            raise SurgeryError(
                f"the hash layer of the train net has {option} {values[name]}, not {value}",
                location=Location(net.file),
                hint=f"change it in the train net: ssdh patch with {option}",
            )
