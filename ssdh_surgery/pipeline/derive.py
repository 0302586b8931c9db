"""Files that are missing: a deploy net from a train net, a train net from a deploy net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ssdh_surgery.caffe.dialect import Dialect
from ssdh_surgery.caffe.heads import Head, hash_layer_below
from ssdh_surgery.caffe.net import Net, net_of
from ssdh_surgery.caffe.phase import PHASES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.caffe.solver import Solver
from ssdh_surgery.errors import Location, SurgeryError, UnknownLayer, did_you_mean
from ssdh_surgery.pipeline.choice import chosen_head
from ssdh_surgery.pipeline.data_shapes import data_folders, data_shape
from ssdh_surgery.pipeline.derive_data import labels_note, pixels, training_data
from ssdh_surgery.pipeline.hash_step import hash_step
from ssdh_surgery.pipeline.patched import Step
from ssdh_surgery.pipeline.settings import Settings
from ssdh_surgery.pipeline.sources import SourceFile
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.surgery import deploy as deploy_verbs
from ssdh_surgery.surgery import layers
from ssdh_surgery.surgery.change import Change, merged
from ssdh_surgery.surgery.convolutional import to_inner_product
from ssdh_surgery.surgery.data_layers import DataChoice
from ssdh_surgery.surgery.derive_deploy import derive_deploy_net, needed_for
from ssdh_surgery.surgery.derive_solver import DataSize, solver_text
from ssdh_surgery.surgery.derive_train import Records, derive_train_net, only_input
from ssdh_surgery.surgery.gate import Proven, prove
from ssdh_surgery.surgery.hashing import hash_deploy_net
from ssdh_surgery.surgery.recipe import Recipe
from ssdh_surgery.surgery.solver import chosen, set_chosen
from ssdh_surgery.surgery.spelling import UPGRADE_HINT

_MESSAGE = "NetParameter"


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
    ready = _ready(source.document, wishes.head, wishes.recipe)
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
    first = prove(net.document, derived.change, _MESSAGE)
    sized = {
        name: (wishes.batch or shape[0], *shape[1:])
        for name, shape in {**wishes.shapes, **sizes}.items()
    }
    fitted = _fitted_inputs(net_of(first.document), wishes, sized)
    hashed, said = _with_hash_layer(net_of(first.document), fitted, net, head, wishes)
    taken = [f"{name} {' x '.join(map(str, sized[name]))}" for name in sizes]
    inputs = [f"inputs: {', '.join(taken)}"] if taken else []
    warnings = (*ready.warnings, *first.warnings, *hashed.warnings)
    return DerivedFile(hashed.document, (*inputs, *ready.notes, *said), warnings)


@dataclass(frozen=True)
class _Ready:
    """A net whose classifier is an InnerProduct, converted if need be."""

    net: Net
    head: Head
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def _ready(document: Document, head_name: str | None, recipe: Recipe) -> _Ready:
    net = net_of(document)
    head = chosen_head(net, head_name)
    converted = to_inner_product(net, head, recipe.remove)
    proven = prove(document, converted.change, _MESSAGE)
    if converted.change:
        net = net_of(proven.document)
        head = chosen_head(net, head.classifier.name)
    return _Ready(net, head, converted.notes, proven.warnings)


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
) -> tuple[Proven, tuple[str, ...]]:
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
        return prove(deploy.document, change, _MESSAGE), tuple(notes)
    classifier = chosen_head(deploy, head.classifier.name)
    hashed = hash_deploy_net(deploy, classifier, recipe, wishes.at, binary=wishes.binary)
    return prove(deploy.document, merged([hashed.change, fitted]), _MESSAGE), hashed.notes


@dataclass(frozen=True)
class TrainWishes:
    """What a derived train net and its solver are to have.

    `wanted` is what the command line asks for, with what is remembered where it is silent.
    `net_path` and `prefix` are what the solver calls the train net and its snapshots.
    """

    wanted: Settings
    net_path: str
    prefix: str


@dataclass(frozen=True)
class DerivedTraining:
    """A train net, the step that puts its hash layer in, and the solver for it."""

    net: Net
    head: Head
    step: Step
    solver: Document
    warnings: tuple[str, ...] = ()


def train_from_deploy(source: SourceFile, wishes: TrainWishes) -> DerivedTraining:
    """The train net of a deploy net, how it is hashed, and a solver for the data at hand.

    Raises:
        UsageError: the train or test data were not named.
        SurgeryError: the net cannot be trained as it is, or the data does not fit its input.
        DataError: an LMDB or the mean file cannot be read.
    """
    wanted, recipe = wishes.wanted, wishes.wanted.recipe
    _refuse_v0(net_of(source.document))
    ready = _ready(source.document, wanted.get("head"), recipe)
    net, blob = ready.net, only_input(ready.net)
    known, choices = shapes(net, "TEST"), wanted.data
    train, test = (choices.get(phase, DataChoice()) for phase in PHASES)
    data = training_data(net, blob, known.blobs.get(blob), train, test)
    transform, said = pixels(net, data, train.mean)
    records = (
        Records(data.train.source, data.size.train_batch),
        Records(data.test.source, data.size.test_batch),
    )
    made = derive_train_net(
        net, ready.head, known, records, transform, wanted.get("freeze"), recipe.remove
    )
    proven = prove(net.document, made.change, _MESSAGE)
    plain = net_of(proven.document)
    head = chosen_head(plain, ready.head.classifier.name)
    step = hash_step(plain, head, wanted, wanted)
    told = labels_note(data, wanted.get("classes") or head.classes)
    notes = (*said, *([told] if told else []), *ready.notes, *made.notes, *step.notes)
    return DerivedTraining(
        plain,
        head,
        replace(step, notes=notes),
        _solver(wishes, data.size),
        (*ready.warnings, *proven.warnings),
    )


def _refuse_v0(net: Net) -> None:
    """Refuse to train what cannot be tested: a net of V0 is the same in every phase."""
    if net.dialect is Dialect.V0:
        raise SurgeryError(
            "a train net cannot be made in Caffe's dialect V0: it has no phases, for data to "
            "train with and data to test with",
            location=net.layers[0].location,
            hint=UPGRADE_HINT,
        )


def _solver(wishes: TrainWishes, size: DataSize) -> Document:
    recipe = wishes.wanted.solver_recipe
    text = solver_text(wishes.net_path, wishes.prefix, size, recipe)
    document = parse(text.encode(), "<new solver>")
    change = set_chosen(Solver(document), chosen(recipe.sets))
    return prove(document, change, "SolverParameter").document
