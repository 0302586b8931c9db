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
from ssdh_surgery.pipeline.deploy.compare import compared, differing
from ssdh_surgery.pipeline.deploy.hash_net import deploy_settings
from ssdh_surgery.pipeline.edit.prepare_net import NET_MESSAGE, ready_net
from ssdh_surgery.pipeline.edit.result import PatchedFile
from ssdh_surgery.pipeline.edit.upgraded import upgraded_source
from ssdh_surgery.pipeline.files.caffe_paths import data_folders
from ssdh_surgery.pipeline.files.outputs import Output, WritePlan, refuse_derived_in_place
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.nets.caffe_refusals import mistakes, told
from ssdh_surgery.pipeline.nets.choose_head import chosen_head, head_name
from ssdh_surgery.pipeline.nets.data_shapes import data_shape
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.pipeline.workspace.net_record import NetRecord
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.core.change import Change, merged
from ssdh_surgery.surgery.core.gate import Proof, prove
from ssdh_surgery.surgery.derive.deploy import derive_deploy_net, needed_for
from ssdh_surgery.surgery.hashing.insert import hash_deploy_net
from ssdh_surgery.surgery.hashing.recipe import Recipe
from ssdh_surgery.surgery.verbs import inputs as deploy_verbs
from ssdh_surgery.surgery.verbs import layers


@dataclass(frozen=True)
class DeployWishes:
    """What a derived deploy net is to have; None leaves a thing to the net.

    `shapes` are input shapes by blob name, as given on a command line. `classifier` says
    whether the classifier stays above the code.
    """

    recipe: Recipe
    at: str | None = None
    head: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    binary: bool = False
    batch: int | None = None
    classifier: bool = False


@dataclass(frozen=True)
class DerivedFile:
    """A net that was made of another one: its text, and what a user should know."""

    document: Document
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def deploy_from_train(source: SourceFile, wishes: DeployWishes) -> DerivedFile:
    """The deploy net, with its hash layer, of a train net.

    A train net that has a hash layer keeps it, with its names and width; another one gets
    one. Every layer that the codes need is that of the train net's TEST phase.

    Raises:
        SurgeryError: the net has no classifier that can be hashed, or the shape of its input
            cannot be told.
        MissingExtra: the shape stands in an HDF5 file and h5py is not installed.
    """
    ready = ready_net(source.document, wishes.head, wishes.recipe)
    net, head = ready.net, ready.head
    if wishes.classifier and hash_layer_below(net, head.classifier) is None:
        raise SurgeryError(
            f"no hash layer below the classifier '{head.classifier.name}'",
            location=head.classifier.location,
            hint="ssdh patch puts one there; without one, your own deploy net has the classifier",
        )
    needed = needed_for(net, head, with_classifier=wishes.classifier)
    folders = data_folders(source.path)
    sizes = {blob.name: data_shape(net, blob, wishes.shapes, folders) for blob in needed.data}
    derived = derive_deploy_net(net, needed, sizes, wishes.recipe.remove)
    first = prove(net.document, derived.change, NET_MESSAGE)
    sized = {
        name: (wishes.batch or shape[0], *shape[1:])
        for name, shape in {**wishes.shapes, **sizes}.items()
    }
    fitted = _fitted_inputs(net_of(first.document), wishes, sized)
    hashed, said = _with_hash_layer(net_of(first.document), fitted, net, head, wishes)
    taken = [f"{name} {size_text(sized[name])}" for name in sizes]
    inputs = [f"inputs: {', '.join(taken)}"] if taken else []
    warnings = (*ready.warnings, *first.warnings, *hashed.warnings)
    return DerivedFile(hashed.document, (*inputs, *ready.notes, *said), warnings)


def _fitted_inputs(
    deploy: Net, wishes: DeployWishes, sized: Mapping[str, tuple[int, ...]]
) -> Change:
    """The inputs with a batch of 1 or as wished; those that only the training needs go.

    Raises:
        UnknownLayer: a shape is wished for what is no input.
    """
    unread = deploy_verbs.unread_inputs(deploy)
    known = [name for name in deploy_verbs.input_names(deploy) if name not in unread]
    for name in wishes.shapes:
        if name not in known:
            raise UnknownLayer(
                f"the deploy net has no input '{name}'",
                location=Location(deploy.file),
                hint=did_you_mean(name, known) or f"these are: {', '.join(known) or 'none'}",
                blob=name,
            )
    read = deploy_verbs.set_sizes(deploy, known, wishes.batch or 1, sized)
    return merged([read, deploy_verbs.drop_inputs(deploy, unread, wishes.recipe.remove)])


def _with_hash_layer(
    deploy: Net, fitted: Change, train: Net, head: Head, wishes: DeployWishes
) -> tuple[Proof, tuple[str, ...]]:
    """The deploy net with a hash layer where it has none, and with its inputs fitted."""
    recipe = wishes.recipe
    existing = hash_layer_below(train, head.classifier)
    if existing is not None:
        code = deploy.layer(existing.code.name)
        wanted = [recipe.binary_layer()] if wishes.binary else []
        change = merged([layers.insert_after(code, wanted), fitted])
        notes = [f"the hash layer is the train net's: '{code.name}', {existing.bits} bits"]
        if wishes.classifier:
            scores = head.classifier.tops[0]
            notes.append(f"the classifier stays: 'ssdh encode --blob {scores}' keeps its scores")
        return prove(deploy.document, change, NET_MESSAGE), tuple(notes)
    classifier = chosen_head(deploy, head.classifier.name)
    hashed = hash_deploy_net(deploy, classifier, recipe, wishes.at, binary=wishes.binary)
    return prove(deploy.document, merged([hashed.change, fitted]), NET_MESSAGE), hashed.notes


# What a derived net is called, before the suffix.
DEPLOY = "deploy.prototxt"


def derived_deploy(
    train: SourceFile,
    given: Settings,
    known: NetRecord | None,
    plan: WritePlan,
    *,
    inputs: Mapping[str, tuple[int, ...]],
    binary: bool = False,
    batch: int | None = None,
    classifier: bool = False,
) -> PatchedFile:
    """A deploy net for a train net that has none.

    Raises:
        UsageError: the train net would be overwritten.
        SurgeryError: it cannot be derived, or its hash layer is another one than was asked for.
    """
    refuse_derived_in_place(plan, "train")
    wanted = given.over(known.settings if known else Settings())
    train = upgraded_source(train) if wanted.get("upgrade") else train
    net = net_of(train.document)
    head = head_name(net, wanted, known)
    existing = hash_layer_below(net, chosen_head(net, head).classifier)
    if existing is not None:
        _refuse_other(net, existing, given)
    wishes = DeployWishes(wanted.recipe, wanted.get("at"), head, inputs, binary, batch, classifier)
    made = deploy_from_train(train, wishes)
    settings = deploy_settings(given, known)
    deploy, folders = net_of(made.document), data_folders(train.path)
    warnings = _refuse_batch(net, deploy, settings, batch, folders)
    if existing is None and known is None:
        warnings.append(
            f"{train.name} has no hash layer: weights that it trains have no "
            f"'{wanted.recipe.latent_name}'; ssdh patch puts it there"
        )
    warnings += compared(deploy, known, settings)
    target = plan.target(train.place.with_name(DEPLOY))
    return PatchedFile(
        train,
        Output(target, bytes(made.document), train.path, train.data),
        made.document,
        (f"derived from {train.name}", *made.notes),
        (*made.warnings, *warnings),
    )


def _refuse_batch(
    train: Net, deploy: Net, wanted: Settings, batch: int | None, folders: Sequence[Path]
) -> list[str]:
    """Refuse another batch than the train net has where some layer stands and falls with it.

    Returns:
        Warnings about a deploy net that Caffe refuses for what the train net has as well.
    """
    found, known = _mistakes(deploy, folders), _mistakes(train, folders)
    if found and not known:
        raise SurgeryError(
            f"with a batch of {batch or 1} Caffe would refuse the deploy net: {found[0].message}",
            location=Location(train.file),
            hint="--batch N gives it the batch that the net is trained with",
        )
    params = shapes(deploy, "TEST").params
    for name in filter(params.get, differing(deploy, train, wanted)):
        raise SurgeryError(
            f"the params of layer '{name}' would have other shapes than those that the net is "
            "trained with: its weights would not fit",
            location=train.named(name)[0].location,
            hint="--batch N and --input-shape give the deploy net the inputs of the training",
        )
    return told(known) if found else []


def _mistakes(net: Net, folders: Sequence[Path]) -> list[Finding]:
    """What Caffe would stop at when it sets up a net to be used."""
    return mistakes(net, net.state("TEST"), folders)


def _refuse_other(net: Net, existing: HashLayer, given: Settings) -> None:
    """Refuse to derive another hash layer than the train net learns."""
    has = {
        "bits": existing.bits,
        "latent_name": existing.latent.name,
        "code_name": existing.code.name,
        "at": existing.latent.bottoms[0],
    }
    for name, value in given.named(tuple(has)).items():
        if value != has[name]:
            option = f"--{name.replace('_', '-')}"
            raise SurgeryError(
                f"the train net's hash layer has {option} {has[name]}, not {value}",
                location=Location(net.file),
                hint=f"the train net decides: ssdh patch with {option}",
            )
