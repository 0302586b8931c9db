"""Files of old dialects in the current one, before anything else is done to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.net.net import Net, net_of
from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.edit.draft import net_at
from ssdh_surgery.pipeline.files.file_group import Group
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.core.change import Change, path_of_message
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.core.judge import MESSAGE_OF
from ssdh_surgery.surgery.upgrade import NET_STEPS, UpgradeStep
from ssdh_surgery.surgery.upgrade.solver_type import solver_type_to_type
from ssdh_surgery.surgery.upgrade.v0 import dropped_fields

# A change of a document, and what is to be said of it.
_Verb = Callable[[Document], tuple[Change, tuple[str, ...]]]


@dataclass(frozen=True)
class Upgraded:
    """A document in the current dialect, what was done to it, and what protobuf could not judge."""

    document: Document
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def upgraded(document: Document, kind: Kind, steps: Sequence[UpgradeStep] = NET_STEPS) -> Upgraded:
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


def _at_place(step: UpgradeStep, net: Net) -> _Verb:
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
