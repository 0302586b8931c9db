"""Old nets, solvers and weights brought to the current dialect as Caffe does it, comments kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.caffe.net import Net, net_of
from ssdh_surgery.caffe.solver import Solver
from ssdh_surgery.caffe.weights_text import with_values
from ssdh_surgery.errors import Location, SurgeryError
from ssdh_surgery.pipeline.group import Group
from ssdh_surgery.pipeline.in_turn import net_at
from ssdh_surgery.pipeline.outputs import Mode, Output, WritePlan, write_all
from ssdh_surgery.pipeline.patched import Patched, PatchedFile
from ssdh_surgery.pipeline.sources import SourceFile, refuse_in_place
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.change import Change, path_of_message
from ssdh_surgery.surgery.gate import prove
from ssdh_surgery.surgery.judge import MESSAGE_OF
from ssdh_surgery.surgery.upgrade import NET_STEPS, STOCK_STEP, Step
from ssdh_surgery.surgery.upgrade.solver_type import solver_type_to_type
from ssdh_surgery.surgery.upgrade.v0 import dropped_fields

# A change of a document, and what is to be said of it.
_Verb = Callable[[Document], tuple[Change, tuple[str, ...]]]


def upgrade(
    sources: Sequence[SourceFile], plan: WritePlan, *, stock_objective: bool = False
) -> Patched:
    """Upgrade nets, solvers and weights; what is current already stays as it is.

    Args:
        sources: what was read.
        plan: the writing options.
        stock_objective: also make the authors' fork layers ones that every Caffe has.

    Raises:
        SurgeryError: a file is none of these, or Caffe could not upgrade it.
        UsageError: what is no file is to be changed in place.
    """
    for source in sources if plan.in_place else ():
        refuse_in_place(source)
    steps = (*NET_STEPS, *([STOCK_STEP] if stock_objective else []))
    results = tuple(_finished(source, plan, steps) for source in sources)
    written: list[Path] = []
    if plan.mode is Mode.WRITE:
        written = write_all([each.output for each in results if each.is_result], plan)
    return Patched(results, None, tuple(written))


def _finished(source: SourceFile, plan: WritePlan, steps: Sequence[Step]) -> PatchedFile:
    done = upgraded(source.document, source.kind, steps)
    is_changed = done.document is not source.document
    target = plan.target(source.place) if is_changed or source.is_zoo else source.place
    data = _bytes(source, done.document) if is_changed else source.data
    output = Output(target, data, source.path, source.data)
    return PatchedFile(source, output, done.document, done.notes, done.warnings)


def _bytes(source: SourceFile, document: Document) -> bytes:
    if source.kind is Kind.WEIGHTS:
        return with_values(document.text, source.data, source.name)
    return bytes(document)


@dataclass(frozen=True)
class Upgraded:
    """A document in the current dialect, what was done to it, and what protobuf could not judge."""

    document: Document
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def upgraded(document: Document, kind: Kind, steps: Sequence[Step] = NET_STEPS) -> Upgraded:
    """A net or a solver, with the nets inside it, as Caffe's upgrade makes it.

    Raises:
        SurgeryError: it is neither a net nor a solver, or Caffe could not upgrade it.
    """
    if kind is Kind.UNKNOWN:
        raise SurgeryError(str(kind), location=Location(document.source.file))
    nets = _nets(document, kind)
    # What weights drop was never a text that could become a comment.
    dropped = [] if kind is Kind.WEIGHTS else [*chain(*map(dropped_fields, nets))]
    notes = [str(each) for each in dropped]
    warnings: tuple[str, ...] = ()
    verbs: list[_Verb] = [_solver_type] if kind is Kind.SOLVER else []
    verbs += [_at_place(step, net) for net in nets for step in steps]
    for verb in verbs:
        change, said = verb(document)
        if change:
            proven = prove(document, change, MESSAGE_OF[kind])
            # The first says where in the text that the user knows.
            document, warnings = proven.document, warnings or proven.warnings
            notes += said
    return Upgraded(document, tuple(dict.fromkeys(notes)), warnings)


def _nets(document: Document, kind: Kind) -> list[Net]:
    if kind is not Kind.SOLVER:
        return [net_of(document)]
    return [net_of(document, root) for _, root in Solver(document).inner_nets]


def _solver_type(document: Document) -> tuple[Change, tuple[str, ...]]:
    return solver_type_to_type(Solver(document)), ("solver_type made type",)


def _at_place(step: Step, net: Net) -> _Verb:
    """A step for the net that stands in that place of a document."""
    place = path_of_message(net.root)

    def verb(document: Document) -> tuple[Change, tuple[str, ...]]:
        there = net_at(document, place)
        change = step.change(there)
        return change, (step.description, *step.notes(there)) if change else ()

    return verb


def upgraded_source(source: SourceFile) -> SourceFile:
    """A file with its document upgraded; its bytes stay those that were read.

    Raises:
        SurgeryError: Caffe could not upgrade it.
    """
    done = upgraded(source.document, source.kind)
    return replace(source, document=done.document, notes=(*source.notes, *done.notes))


def upgraded_group(group: Group) -> Group:
    """Files that belong together, each upgraded.

    Raises:
        SurgeryError: Caffe could not upgrade one.
    """
    known: dict[int, SourceFile] = {}

    def new(source: SourceFile) -> SourceFile:
        return known.setdefault(id(source), upgraded_source(source))

    solver = new(group.solver) if group.solver else None
    named = group.named
    if solver and group.solver:
        # The upgrade leaves the fields that name nets, in their order.
        entries = [
            [each.entry for each in Solver(source.document).nets]
            for source in (group.solver, solver)
        ]
        named = {
            entry: new(group.named[old])
            for old, entry in zip(*entries, strict=True)
            if old in group.named
        }
    return replace(
        group,
        train=new(group.train) if group.train else None,
        tests=tuple(map(new, group.tests)),
        solver=solver,
        named=named,
    )
