"""Files that are missing: a deploy net from a train net, a train net from a deploy net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ssdh_surgery.caffe.heads import Head, hash_layer_below
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.caffe.solver import Solver
from ssdh_surgery.pipeline.choice import chosen_head, refuse_convolution, refuse_old_dialect
from ssdh_surgery.pipeline.derive_data import pixels, training_data
from ssdh_surgery.pipeline.derive_shapes import data_folders, data_shape
from ssdh_surgery.pipeline.hash_step import hash_notes
from ssdh_surgery.pipeline.sources import SourceFile
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.surgery import deploy as deploy_verbs
from ssdh_surgery.surgery import layers
from ssdh_surgery.surgery.change import merged
from ssdh_surgery.surgery.data_layers import DataChoice
from ssdh_surgery.surgery.derive_deploy import derive_deploy_net, needed_for
from ssdh_surgery.surgery.derive_solver import DataSize, solver_text
from ssdh_surgery.surgery.derive_train import Learning, Records, derive_train_net, only_input
from ssdh_surgery.surgery.gate import Proven, prove
from ssdh_surgery.surgery.hashing import Hashed, hash_deploy_net, hash_train_net
from ssdh_surgery.surgery.recipe import Recipe, SolverRecipe
from ssdh_surgery.surgery.solver import chosen, set_chosen

_MESSAGE = "NetParameter"


@dataclass(frozen=True)
class DeployWishes:
    """What a derived deploy net is to have; None leaves a thing to the net.

    `shapes` are input shapes by blob name, as given on a command line.
    """

    recipe: Recipe
    at: str | None = None
    head: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    binary: bool = False
    batch: int | None = None


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
    net = Net(source.document)
    head = chosen_head(net, wishes.head)
    needed = needed_for(net, head)
    folders = data_folders(source.path)
    sizes = {blob.name: data_shape(net, blob, wishes.shapes, folders) for blob in needed.data}
    derived = derive_deploy_net(net, needed, sizes, wishes.recipe.remove)
    first = prove(source.document, derived.change, _MESSAGE)
    hashed, said = _with_hash_layer(Net(first.document), net, head, wishes)
    taken = "inputs: " + ", ".join(
        f"{name} {' x '.join(map(str, shape))}" for name, shape in sizes.items()
    )
    return DerivedFile(hashed.document, (taken, *said), (*first.warnings, *hashed.warnings))


def _with_hash_layer(
    deploy: Net, train: Net, head: Head, wishes: DeployWishes
) -> tuple[Proven, tuple[str, ...]]:
    """The deploy net with a hash layer where it has none, and with the wished batch."""
    recipe = wishes.recipe
    batched = deploy_verbs.set_batch(deploy, wishes.batch)
    existing = hash_layer_below(train, head.classifier)
    if existing is not None:
        code = deploy.layer(existing.code.name)
        wanted = [recipe.binary_layer()] if wishes.binary else []
        change = merged([layers.insert_after(code, wanted), batched])
        note = f"the hash layer is the train net's: '{code.name}', {existing.bits} bits"
        return prove(deploy.document, change, _MESSAGE), (note,)
    refuse_old_dialect(deploy)
    refuse_convolution(head)
    classifier = chosen_head(deploy, head.classifier.name)
    hashed = hash_deploy_net(deploy, classifier, recipe, wishes.at, binary=wishes.binary)
    return prove(deploy.document, merged([hashed.change, batched]), _MESSAGE), hashed.notes


@dataclass(frozen=True)
class TrainWishes:
    """What a derived train net and its solver are to have; None leaves a thing to the net.

    `train` and `test` name the LMDBs. `net_path` and `prefix` are what the solver calls the
    train net and its snapshots.
    """

    recipe: Recipe
    train: DataChoice
    test: DataChoice
    net_path: str
    prefix: str
    solver_recipe: SolverRecipe = field(default_factory=SolverRecipe)
    at: str | None = None
    head: str | None = None
    freeze: str | None = None
    classes: int | None = None


@dataclass(frozen=True)
class DerivedTraining:
    """A train net with its hash layer, and the solver for it.

    `plain` and `head` are the train net before it got the hash layer `hashed`.
    """

    net: DerivedFile
    solver: DerivedFile
    plain: Net
    head: Head
    hashed: Hashed


def train_from_deploy(source: SourceFile, wishes: TrainWishes) -> DerivedTraining:
    """The train net, with its hash layer, of a deploy net, and a solver for the data at hand.

    Raises:
        UsageError: the train or test data were not named.
        SurgeryError: the net cannot be trained as it is, or the data does not fit its input.
        DataError: an LMDB or the mean file cannot be read.
    """
    net = Net(source.document)
    refuse_old_dialect(net)
    head = chosen_head(net, wishes.head)
    refuse_convolution(head)
    blob = only_input(net)
    known = shapes(net, "TEST")
    shape = known.blobs.get(blob)
    data = training_data(net, blob, shape, wishes.train, wishes.test)
    transform, said = pixels(net, data, wishes.train.mean)
    learning = Learning(wishes.freeze, wishes.classes)
    records = (
        Records(data.train.source, data.size.train_batch),
        Records(data.test.source, data.size.test_batch),
    )
    made = derive_train_net(net, head, known, records, transform, learning, wishes.recipe.remove)
    first = prove(source.document, made.change, _MESSAGE)
    plain = Net(first.document)
    plain_head = chosen_head(plain, head.classifier.name)
    hashed = hash_train_net(plain, plain_head, wishes.recipe, wishes.at)
    proven = prove(first.document, hashed.change, _MESSAGE)
    notes = (*said, *made.notes, *hash_notes(hashed, wishes.recipe))
    warnings = (*first.warnings, *proven.warnings)
    return DerivedTraining(
        DerivedFile(proven.document, notes, warnings),
        _solver(wishes, data.size),
        plain,
        plain_head,
        hashed,
    )


def _solver(wishes: TrainWishes, size: DataSize) -> DerivedFile:
    recipe = wishes.solver_recipe
    text = solver_text(wishes.net_path, wishes.prefix, size, recipe)
    document = parse(text.encode(), "<new solver>")
    change = set_chosen(Solver(document), chosen(recipe.sets))
    proven = prove(document, change, "SolverParameter")
    return DerivedFile(proven.document, (), proven.warnings)
