"""A deploy net derived from a train net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ssdh_surgery.caffe.net.heads import HashLayer, Head, hash_layer_below
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError, UnknownLayer, did_you_mean
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import size_text
from ssdh_surgery.pipeline.deploy.compare import Comparison, compare
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
from ssdh_surgery.pipeline.nets.run_states import as_warnings, build_errors_with_data
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.surgery.core.change import Change, merge
from ssdh_surgery.surgery.derive.deploy import deploy_needs, derive_deploy_net
from ssdh_surgery.surgery.hashing.insert import hash_deploy_net
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
    net, folders = net_of(train.document), working_folders(train.path)
    head = choose_head(net, head_name(net, settings, record), settings.get("at"))
    hash_layer = hash_layer_below(net, head.classifier)
    if hash_layer is not None:
        _refuse_contradictions(net, hash_layer, explicit)
    draft = deploy_draft(train, head, settings, form)
    own_settings = deploy_settings(explicit, record)
    warnings = _refuse_batch(net, draft.net, own_settings, form.batch, folders)
    if hash_layer is None and record is None:
        warnings.append(
            f"{train.name} has no hash layer, so its trained weights have no "
            f"'{settings.recipe.latent_name}'; ssdh patch adds one"
        )
    warnings += compare(draft.net, record, own_settings)
    path = plan.target(train.place.with_name(DEPLOY_NAME))
    notes = [f"derived from {train.name}", *draft.notes]
    result = derived_result(train, draft.draft, path, notes)
    return replace(result, warnings=(*result.warnings, *warnings))


def deploy_draft(source: SourceFile, head: Head, settings: Settings, form: DeployForm) -> NetDraft:
    """A draft of the deploy net for a train net, with a hash layer.

    Args:
        source: the train net.
        head: the head that learns from the codes.
        settings: the effective settings.
        form: the form of the deploy net.

    Raises:
        SurgeryError: the net has no classifier that can be hashed, or the shape of its input
            is unknown.
    """
    draft, folders = NetDraft(Draft(source.document, source.kind)), working_folders(source.path)
    name, remove = head.classifier.name, settings.recipe.remove
    make_inner_product(draft, head, remove)
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
    data = {blob.name: data_shape(train, blob, form.shapes, folders) for blob in needed.data}
    draft.do(derive_deploy_net(train, needed, data, remove))
    sizes = {
        blob: (form.batch or shape[0], *shape[1:])
        for blob, shape in {**form.shapes, **data}.items()
    }
    if data:
        listed = ", ".join(f"{blob} {size_text(sizes[blob])}" for blob in data)
        draft.notes.insert(0, f"inputs: {listed}")
    inputs = _fit_inputs(draft.net, form, sizes, settings)
    if hash_layer is None:
        _insert(draft, name, settings, form, inputs)
    else:
        _keep(draft, hash_layer, head, settings, form, inputs)
    return draft


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
    errors, errors_before = _build_errors(deploy, folders), _build_errors(train, folders)
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


def _build_errors(net: Net, folders: Sequence[Path]) -> list[Finding]:
    """The errors at which Caffe would stop when it builds a net in phase TEST."""
    return build_errors_with_data(net, net.state("TEST"), folders)


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
