"""Files of old dialects in the current one, before anything else is done to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.pipeline.edit.draft import Draft, NetDraft
from ssdh_surgery.pipeline.files.file_group import FileGroup
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.core.change import path_of_message
from ssdh_surgery.surgery.upgrade import NET_STEPS, UpgradeStep
from ssdh_surgery.surgery.upgrade.solver_type import solver_type_to_type
from ssdh_surgery.surgery.upgrade.v0 import dropped_fields


@dataclass(frozen=True)
class Upgrade:
    """A document in the current dialect, what was done to it, and what protobuf could not judge."""

    document: Document
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def upgrade_document(
    document: Document, kind: Kind, steps: Sequence[UpgradeStep] = NET_STEPS
) -> Upgrade:
    """A net or a solver, with the nets inside it, as Caffe's upgrade makes it.

    Raises:
        SurgeryError: Caffe could not upgrade it.
    """
    draft = Draft(document, kind)
    nets = [NetDraft(draft)]
    if kind is Kind.SOLVER:
        nets = [NetDraft(draft, path_of_message(root)) for _, root in draft.solver.inner_nets]
    # What weights drop was never a text that could become a comment.
    dropped = () if kind is Kind.WEIGHTS else chain(*(dropped_fields(each.net) for each in nets))
    notes = [str(each) for each in dropped]
    if kind is Kind.SOLVER and draft.do(solver_type_to_type(draft.solver)):
        notes.append("solver_type made type")
    for net_draft in nets:
        for step in steps:
            net = net_draft.net
            if draft.do(step.change(net)):
                notes += (step.description, *step.notes(net))
    return Upgrade(draft.document, tuple(dict.fromkeys(notes)), draft.warnings)


def upgrade_source(source: SourceFile) -> SourceFile:
    """A file with its document upgraded; its bytes stay those that were read.

    Raises:
        SurgeryError: Caffe could not upgrade it.
    """
    current = upgrade_document(source.document, source.kind)
    return replace(source, document=current.document, notes=(*source.notes, *current.notes))


def upgrade_group(group: FileGroup) -> FileGroup:
    """Files that belong together, each upgraded.

    Raises:
        SurgeryError: Caffe could not upgrade one.
    """
    upgraded_sources: dict[int, SourceFile] = {}

    def new(source: SourceFile) -> SourceFile:
        if id(source) not in upgraded_sources:
            upgraded_sources[id(source)] = upgrade_source(source)
        return upgraded_sources[id(source)]

    return replace(
        group,
        train=new(group.train) if group.train else None,
        tests=tuple(map(new, group.tests)),
        solver=new(group.solver) if group.solver else None,
        # The upgrade leaves the fields that name nets, in their order.
        net_files=tuple(each and new(each) for each in group.net_files),
    )
