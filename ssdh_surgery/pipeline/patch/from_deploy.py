"""A train net and a solver derived from a deploy net."""

from __future__ import annotations

import re
from dataclasses import replace

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
from ssdh_surgery.pipeline.edit.result import FileResult, derived_result
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.file_group import SOLVER_NAME
from ssdh_surgery.pipeline.files.outputs import WritePlan, refuse_derived_in_place
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.pipeline.nets.choose_head import choose_head
from ssdh_surgery.pipeline.nets.refusals import as_warnings, refuse_worse
from ssdh_surgery.pipeline.patch.training_data import labels_note, pixels, training_data
from ssdh_surgery.pipeline.settings.settings import Settings
from ssdh_surgery.prototxt.parser import parse
from ssdh_surgery.surgery.derive.records import Records
from ssdh_surgery.surgery.derive.train import derive_train_net, only_input
from ssdh_surgery.surgery.solver.assignments import assign, typed_assignments
from ssdh_surgery.surgery.solver.text import DataSize, solver_text
from ssdh_surgery.surgery.verbs.data_layers import DataChoice
from ssdh_surgery.surgery.verbs.spelling import UPGRADE_HINT

# The names of derived files, before the suffix.
TRAIN_STEM = "train_val"
_TRAIN = f"{TRAIN_STEM}.prototxt"
# With one of these settings a train net is derived.
TRIGGERS = ("train_data", "test_data")
_PLAIN_NAME = re.compile(r"[\w.-]+")


def derive_training(source: SourceFile, settings: Settings, plan: WritePlan) -> GroupResult:
    """Derive a train net with a hash layer, and a solver, from a deploy net.

    A deploy net from standard input gets no solver.

    Raises:
        UsageError: the deploy net would be overwritten, or the data is not named.
        SurgeryError: the net cannot be trained.
        DataError: the data cannot be read, or does not fit the net.
    """
    refuse_derived_in_place(plan, "deploy")
    _refuse_v0(net_of(source.document))
    draft = NetDraft(Draft(source.document, source.kind))
    classifier, size = _make_trainable(draft, settings)
    hashing = hash_net(draft, HashPlan(classifier, settings, settings))
    deploy, folders = net_of(source.document), working_folders(source.path)
    before = (deploy, deploy.state("TEST"))
    errors = [
        error
        for graph in draft.net.run_graphs
        for error in refuse_worse(before, (draft.net, graph.state), folders)
    ]
    path = plan.target(source.place.with_name(_TRAIN))
    notes = [f"derived from {source.name}", *draft.notes]
    result = derived_result(source, draft.draft, path, notes)
    results = [replace(result, warnings=(*result.warnings, *as_warnings(errors)))]
    if not source.is_stdin:
        results.append(_solver(source, settings, plan, size))
    return GroupResult(results, draft.net, classifier, hashing, settings)


def _make_trainable(draft: NetDraft, settings: Settings) -> tuple[str, DataSize]:
    """Add data layers, a loss and learning rates; the classifier's name and the data's size."""
    head = choose_head(draft.net, settings.get("head"), settings.get("at"))
    name = head.classifier.name
    make_inner_product(draft, head, settings.recipe.remove)
    net, blob = draft.net, only_input(draft.net)
    net_shapes, choices = shapes(net, "TEST"), settings.data
    train, test = (choices.get(phase, DataChoice()) for phase in PHASES)
    data = training_data(net, blob, net_shapes.blobs.get(blob), train, test)
    transform, pixel_notes = pixels(net, blob, data, train.mean)
    records = (
        Records(data.train.source, data.size.train_batch),
        Records(data.test.source, data.size.test_batch),
    )
    trainable = draft.do(
        derive_train_net(
            net,
            choose_head(net, name),
            net_shapes,
            records,
            transform,
            settings.get("freeze"),
            settings.recipe.remove,
        )
    )
    label_note = labels_note(data, settings.get("classes") or draft.head(name).classes)
    draft.notes = [
        *pixel_notes,
        *([label_note] if label_note else []),
        *draft.notes,
        *trainable.notes,
    ]
    return name, data.size


def _refuse_v0(net: Net) -> None:
    """Refuse a net of V0, which cannot have data for each phase."""
    if net.dialect is Dialect.V0:
        raise SurgeryError(
            "a train net cannot be derived in Caffe's dialect V0: it has no phases, so it cannot "
            "have data for training and data for testing",
            location=net.layers[0].location,
            hint=UPGRADE_HINT,
        )


def _solver(source: SourceFile, settings: Settings, plan: WritePlan, size: DataSize) -> FileResult:
    """The solver of a derived train net, with a comment on each value."""
    train, path = (plan.target(source.place.with_name(name)) for name in (_TRAIN, SOLVER_NAME))
    name = net_of(source.document).name
    name = name if _PLAIN_NAME.fullmatch(name) else source.place.absolute().parent.name
    prefix = train.with_name(plan.add_suffix(name or TRAIN_STEM)).as_posix()
    recipe = settings.solver_recipe
    text = solver_text(train.as_posix(), prefix, size, recipe)
    draft = Draft(parse(text.encode(), "<new solver>"), Kind.SOLVER)
    draft.do(assign(draft.solver, typed_assignments(recipe.sets)))
    empty = SourceFile(source.name, None, b"", parse(b"", source.name), Kind.SOLVER)
    return derived_result(empty, draft, path, ["comments give the reason for each value"])
