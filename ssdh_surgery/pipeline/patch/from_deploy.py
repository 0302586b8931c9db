"""A train net and a solver derived from a deploy net alone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.phase import PHASES
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.pipeline.edit.draft import Draft, NetDraft
from ssdh_surgery.pipeline.edit.hash_net import HashPlan, hash_net
from ssdh_surgery.pipeline.edit.prepare_net import make_inner_product
from ssdh_surgery.pipeline.edit.remember import GroupResult
from ssdh_surgery.pipeline.edit.result import FileResult
from ssdh_surgery.pipeline.files.outputs import Output, WritePlan, refuse_derived_in_place
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.nets.choose_head import choose_head
from ssdh_surgery.pipeline.patch.training_data import labels_note, pixels, training_data
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.surgery.derive.train import Records, derive_train_net, only_input
from ssdh_surgery.surgery.solver.settings import chosen, set_chosen
from ssdh_surgery.surgery.solver.text import DataSize, solver_text
from ssdh_surgery.surgery.verbs.data_layers import DataChoice
from ssdh_surgery.surgery.verbs.spelling import UPGRADE_HINT

# What derived files are called, before the suffix.
TRAIN, SOLVER = "train_val.prototxt", "solver.prototxt"
TRAIN_STEM = "train_val"
# The settings that ask for a train net where a deploy net is named alone.
ASKING = ("train_data", "test_data")
_PLAIN_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class _Training:
    """A train net before it is hashed: its draft, its notes, and the data that it reads."""

    draft: NetDraft
    classifier: str
    notes: tuple[str, ...]
    size: DataSize


def derive_training(
    source: SourceFile, settings: Settings, plan: WritePlan, stem: str
) -> GroupResult:
    """A train net and a solver for a deploy net alone.

    Raises:
        UsageError: the deploy net would be overwritten, or the data is not named.
        SurgeryError: it cannot be trained as it is.
        DataError: the data cannot be read, or does not fit the net.
    """
    refuse_derived_in_place(plan, "deploy")
    _refuse_v0(net_of(source.document))
    training = _train_net(source, settings)
    draft = training.draft
    plain, head = draft.net, draft.head(training.classifier)
    hashed = hash_net(draft, HashPlan(training.classifier, settings, settings))
    place = plan.target(source.place.with_name(TRAIN))
    net = FileResult(
        source,
        Output(place, bytes(draft.draft.document), source.path, source.data),
        draft.draft.document,
        (f"derived from {source.name}", *training.notes, *draft.notes),
        draft.draft.warnings,
    )
    results = [net]
    if not source.is_stdin:
        results.append(_solver(source, settings, plan, training.size))
    return GroupResult(stem, plain, draft.net, head, hashed, results, settings)


def _train_net(source: SourceFile, settings: Settings) -> _Training:
    """The deploy net with data layers, a loss and learning rates."""
    draft = NetDraft(Draft(source.document, source.kind))
    head = choose_head(draft.net, settings.get("head"))
    name = head.classifier.name
    make_inner_product(draft, head, settings.recipe.remove)
    net, blob = draft.net, only_input(draft.net)
    known, choices = shapes(net, "TEST"), settings.data
    train, test = (choices.get(phase, DataChoice()) for phase in PHASES)
    data = training_data(net, blob, known.blobs.get(blob), train, test)
    transform, pixel_notes = pixels(net, data, train.mean)
    records = (
        Records(data.train.source, data.size.train_batch),
        Records(data.test.source, data.size.test_batch),
    )
    trainable = draft.do(
        derive_train_net(
            net,
            choose_head(net, name),
            known,
            records,
            transform,
            settings.get("freeze"),
            settings.recipe.remove,
        )
    )
    label_note = labels_note(data, settings.get("classes") or draft.head(name).classes)
    notes = (*pixel_notes, *([label_note] if label_note else []), *draft.notes, *trainable.notes)
    draft.notes = []
    return _Training(draft, name, notes, data.size)


def _refuse_v0(net: Net) -> None:
    """Refuse to train what cannot be tested: a net of V0 is the same in every phase."""
    if net.dialect is Dialect.V0:
        raise SurgeryError(
            "a train net cannot be made in Caffe's dialect V0: it has no phases, for data to "
            "train with and data to test with",
            location=net.layers[0].location,
            hint=UPGRADE_HINT,
        )


def _solver(source: SourceFile, settings: Settings, plan: WritePlan, size: DataSize) -> FileResult:
    """The solver for a derived train net, with a comment for each value."""
    train, place = (plan.target(source.place.with_name(name)) for name in (TRAIN, SOLVER))
    name = net_of(source.document).name
    name = name if _PLAIN_NAME.fullmatch(name) else source.place.absolute().parent.name
    prefix = train.with_name(plan.add_suffix(name or TRAIN_STEM)).as_posix()
    recipe = settings.solver_recipe
    text = solver_text(train.as_posix(), prefix, size, recipe)
    draft = Draft(parse(text.encode(), "<new solver>"), Kind.SOLVER)
    draft.do(set_chosen(draft.solver, chosen(recipe.sets)))
    empty = SourceFile(source.name, None, b"", parse(b"", source.name), Kind.SOLVER)
    output = Output(place, bytes(draft.document), None)
    return FileResult(empty, output, draft.document, ("each value says why in its comment",))
