"""A train net and a solver derived from a deploy net alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.heads import Head
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.pipeline.edit.hash_net import hash_step
from ssdh_surgery.pipeline.edit.prepare_net import NET_MESSAGE, ready_net
from ssdh_surgery.pipeline.edit.remember import PatchedNet
from ssdh_surgery.pipeline.edit.result import PatchedFile, Step, finished
from ssdh_surgery.pipeline.files.outputs import Output, WritePlan, refuse_derived_in_place
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.nets.choose_head import chosen_head
from ssdh_surgery.pipeline.patch.training_data import labels_note, pixels, training_data
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.derive.train import Records, derive_train_net, only_input
from ssdh_surgery.surgery.solver.settings import chosen, set_chosen
from ssdh_surgery.surgery.solver.text import DataSize, solver_text
from ssdh_surgery.surgery.verbs.data_layers import DataChoice
from ssdh_surgery.surgery.verbs.spelling import UPGRADE_HINT


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
    ready = ready_net(source.document, wanted.get("head"), recipe)
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
    proven = prove(net.document, made.change, NET_MESSAGE)
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


# What derived files are called, before the suffix.
TRAIN, SOLVER = "train_val.prototxt", "solver.prototxt"
TRAIN_STEM = "train_val"


# The settings that ask for a train net where a deploy net is named alone.
ASKING = ("train_data", "test_data")


_PLAIN_NAME = re.compile(r"[\w.-]+")


def derived_training(
    source: SourceFile, wanted: Settings, plan: WritePlan, stem: str
) -> PatchedNet:
    """A train net and a solver for a deploy net alone.

    Raises:
        UsageError: the deploy net would be overwritten, or data is not named.
        SurgeryError: it cannot be trained as it is.
        DataError: the data cannot be read, or does not fit the net.
    """
    refuse_derived_in_place(plan, "deploy")
    place, solver_place = (plan.target(source.place.with_name(name)) for name in (TRAIN, SOLVER))
    name = net_of(source.document).name
    name = name if _PLAIN_NAME.fullmatch(name) else source.place.absolute().parent.name
    prefix = place.with_name(plan.named(name or TRAIN_STEM)).as_posix()
    made = train_from_deploy(source, TrainWishes(wanted, place.as_posix(), prefix))
    plain = replace(
        source, data=bytes(made.net.document), document=made.net.document, kind=Kind.TRAIN
    )
    done = finished(plain, made.step, plan)
    net = replace(
        done,
        source=source,
        output=Output(place, done.output.data, source.path, source.data),
        notes=(f"derived from {source.name}", *done.notes),
        warnings=(*made.warnings, *done.warnings),
    )
    nothing = SourceFile(source.name, None, b"", parse(b"", source.name), Kind.SOLVER)
    solver = PatchedFile(
        nothing,
        Output(solver_place, bytes(made.solver), None),
        made.solver,
        ("each value says why in its comment",),
    )
    results = (net,) if source.is_stdin else (net, solver)
    return PatchedNet(stem, made.net, net_of(net.after), made.head, made.step, results, wanted)
