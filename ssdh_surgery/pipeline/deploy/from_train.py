"""A deploy net derived from a train net that has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from ssdh_surgery.pipeline.edit.prepare_net import make_inner_product
from ssdh_surgery.pipeline.edit.result import FileResult
from ssdh_surgery.pipeline.edit.upgrade_files import upgrade_source
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.outputs import Output, WritePlan, refuse_derived_in_place
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.nets.choose_head import choose_head, head_name
from ssdh_surgery.pipeline.nets.data_shapes import data_shape
from ssdh_surgery.pipeline.nets.run_states import as_warnings, build_errors_with_data
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.derive.deploy import derive_deploy_net, needed_for
from ssdh_surgery.surgery.hashing.insert import hash_deploy_net
from ssdh_surgery.surgery.verbs import inputs as input_verbs
from ssdh_surgery.surgery.verbs import layers

# What a derived net is called, before the suffix.
DEPLOY = "deploy.prototxt"
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class DeployForm:
    """The form of a derived deploy net; None leaves a thing to the train net.

    `shapes` are input shapes by blob name, `binary` adds a top of zeros and ones, `batch` is
    the batch size, and `classifier` keeps the classifier above the code.
    """

    shapes: Shapes = field(default_factory=dict)
    binary: bool = False
    batch: int | None = None
    classifier: bool = False


def derive_deploy(
    train: SourceFile,
    explicit: Settings,
    record: NetRecord | None,
    plan: WritePlan,
    form: DeployForm,
) -> FileResult:
    """A deploy net for a train net that has none.

    A train net that has a hash layer keeps it, with its names and width; another one gets
    one. Every layer that the codes need is that of the train net's TEST phase.

    Args:
        train: the train net.
        explicit: the settings of the command line.
        record: what the workspace has of the train net.
        plan: the writing options.
        form: the form of the deploy net.

    Raises:
        UsageError: the train net would be overwritten.
        SurgeryError: the net has no classifier that can be hashed, the shape of its input is
            unknown, or its hash layer differs from the explicit settings.
        MissingExtra: the shape stands in an HDF5 file and h5py is not installed.
    """
    refuse_derived_in_place(plan, "train")
    settings = explicit.over(record.settings if record else Settings())
    train = upgrade_source(train) if settings.get("upgrade") else train
    net, folders = net_of(train.document), working_folders(train.path)
    head = choose_head(net, head_name(net, settings, record))
    existing = hash_layer_below(net, head.classifier)
    if existing is not None:
        _refuse_other(net, existing, explicit)
    draft = deploy_draft(train, head, settings, form)
    own_settings = deploy_settings(explicit, record)
    warnings = _refuse_batch(net, draft.net, own_settings, form.batch, folders)
    if existing is None and record is None:
        warnings.append(
            f"{train.name} has no hash layer: weights that it trains have no "
            f"'{settings.recipe.latent_name}'; ssdh patch puts it there"
        )
    warnings += compare(draft.net, record, own_settings)
    document = draft.draft.document
    return FileResult(
        train,
        Output(plan.target(train.place.with_name(DEPLOY)), bytes(document), train.path, train.data),
        document,
        (f"derived from {train.name}", *draft.notes),
        (*draft.draft.warnings, *warnings),
    )


def deploy_draft(source: SourceFile, head: Head, settings: Settings, form: DeployForm) -> NetDraft:
    """A train net made a deploy net, with its hash layer.

    Args:
        source: the train net.
        head: its head that learns from the codes.
        settings: the settings in force.
        form: the form of the deploy net.

    Raises:
        SurgeryError: it has no classifier that can be hashed, or the shape of its input is
            unknown.
    """
    draft, folders = NetDraft(Draft(source.document, source.kind)), working_folders(source.path)
    name, remove = head.classifier.name, settings.recipe.remove
    make_inner_product(draft, head, remove)
    train, head = draft.net, choose_head(draft.net, name)
    existing = hash_layer_below(train, head.classifier)
    if form.classifier and existing is None:
        raise SurgeryError(
            f"no hash layer below the classifier '{name}'",
            location=head.classifier.location,
            hint="ssdh patch puts one there; without one, your own deploy net has the classifier",
        )
    needed = needed_for(train, head, with_classifier=form.classifier)
    data = {blob.name: data_shape(train, blob, form.shapes, folders) for blob in needed.data}
    draft.do(derive_deploy_net(train, needed, data, remove))
    sizes = {
        blob: (form.batch or shape[0], *shape[1:])
        for blob, shape in {**form.shapes, **data}.items()
    }
    if data:
        listed = ", ".join(f"{blob} {size_text(sizes[blob])}" for blob in data)
        draft.notes.insert(0, f"inputs: {listed}")
    fitted = _fitted_inputs(draft.net, form, sizes, settings)
    if existing is None:
        _insert(draft, name, settings, form, fitted)
    else:
        _keep(draft, existing, head, settings, form, fitted)
    return draft


def _fitted_inputs(deploy: Net, form: DeployForm, sizes: Shapes, settings: Settings) -> Change:
    """The inputs with a batch of 1 or of the form; those that only the training needs go.

    Raises:
        UnknownLayer: the form has a shape for something that is not an input.
    """
    unread = input_verbs.unread_inputs(deploy)
    names = [name for name in input_verbs.input_names(deploy) if name not in unread]
    for name in form.shapes:
        if name not in names:
            raise UnknownLayer(
                f"the deploy net has no input '{name}'",
                location=Location(deploy.file),
                hint=did_you_mean(name, names) or f"these are: {', '.join(names) or 'none'}",
                blob=name,
            )
    sized = input_verbs.set_sizes(deploy, names, form.batch or 1, sizes)
    return merged([sized, input_verbs.drop_inputs(deploy, unread, settings.recipe.remove)])


def _insert(
    draft: NetDraft, classifier: str, settings: Settings, form: DeployForm, fitted: Change
) -> None:
    """A hash layer for a deploy net whose train net has none."""
    net, at = draft.net, settings.get("at")
    head = choose_head(net, classifier)
    insertion = hash_deploy_net(net, head, settings.recipe, at, binary=form.binary)
    draft.notes += draft.do(insertion, fitted).notes


def _keep(
    draft: NetDraft,
    existing: HashLayer,
    head: Head,
    settings: Settings,
    form: DeployForm,
    fitted: Change,
) -> None:
    """The hash layer that the train net has."""
    code = draft.net.layer(existing.code.name)
    draft.notes.append(f"the hash layer is the train net's: '{code.name}', {existing.bits} bits")
    if form.classifier:
        scores = head.classifier.tops[0]
        draft.notes.append(f"the classifier stays: 'ssdh encode --blob {scores}' keeps its scores")
    binary = [settings.recipe.binary_layer()] if form.binary else []
    draft.do(layers.insert_after(code, binary), fitted)


def _refuse_batch(
    train: Net, deploy: Net, settings: Settings, batch: int | None, folders: Sequence[Path]
) -> list[str]:
    """Refuse another batch than the train net has where some layer stands and falls with it.

    Returns:
        Warnings about a deploy net that Caffe refuses for what the train net has as well.
    """
    findings, before = _mistakes(deploy, folders), _mistakes(train, folders)
    if findings and not before:
        raise SurgeryError(
            f"with a batch of {batch or 1} Caffe would refuse the deploy net: "
            f"{findings[0].message}",
            location=Location(train.file),
            hint="--batch N gives it the batch that the net is trained with",
        )
    params = shapes(deploy, "TEST").params
    for name in filter(params.get, Comparison(deploy, train, settings).differing):
        raise SurgeryError(
            f"the params of layer '{name}' would have other shapes than those that the net is "
            "trained with: its weights would not fit",
            location=train.named(name)[0].location,
            hint="--batch N and --input-shape give the deploy net the inputs of the training",
        )
    return as_warnings(before) if findings else []


def _mistakes(net: Net, folders: Sequence[Path]) -> list[Finding]:
    """What Caffe would stop at when it sets up a net to be used."""
    return build_errors_with_data(net, net.state("TEST"), folders)


def _refuse_other(net: Net, existing: HashLayer, explicit: Settings) -> None:
    """Refuse to derive another hash layer than the train net learns."""
    own = {
        "bits": existing.bits,
        "latent_name": existing.latent.name,
        "code_name": existing.code.name,
        "at": existing.latent.bottoms[0],
    }
    for name, value in explicit.named(tuple(own)).items():
        if value != own[name]:
            option = f"--{name.replace('_', '-')}"
            raise SurgeryError(
                f"the train net's hash layer has {option} {own[name]}, not {value}",
                location=Location(net.file),
                hint=f"the train net decides: ssdh patch with {option}",
            )
