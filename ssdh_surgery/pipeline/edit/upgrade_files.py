"""Files in old dialects upgraded to the current one, before any other change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.pipeline.edit.draft import Draft, NetDraft
from ssdh_surgery.pipeline.files.file_group import FileGroup, map_sources
from ssdh_surgery.pipeline.files.sources import SourceFile
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.core.change import path_of_message
from ssdh_surgery.surgery.upgrade import NET_STEPS, UpgradeStep
from ssdh_surgery.surgery.upgrade.solver_type import solver_type_to_type
from ssdh_surgery.surgery.upgrade.v0 import dropped_fields


@dataclass(frozen=True)
class Upgrade:
    """A document in the current dialect, notes on its changes, and the judge's warnings."""

    document: Document
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def upgrade_document(
    document: Document, kind: Kind, steps: Sequence[UpgradeStep] = NET_STEPS
) -> Upgrade:
    """Upgrade a net, or a solver with the nets inside it, as Caffe does.

    Raises:
        SurgeryError: Caffe could not upgrade it.
    """
    draft = Draft(document, kind)
    nets = [NetDraft(draft)]
    if kind is Kind.SOLVER:
        nets = [NetDraft(draft, path_of_message(root)) for _, root in draft.solver.inner_nets]
    # In weights, fields that are dropped have no text to become a comment.
    dropped = () if kind is Kind.WEIGHTS else chain(*(dropped_fields(each.net) for each in nets))
    notes = [str(each) for each in dropped]
    if kind is Kind.SOLVER and draft.do(solver_type_to_type(draft.solver)):
        notes.append("solver_type replaced by type")
    for net_draft in nets:
        for step in steps:
            net = net_draft.net
            if draft.do(step.change(net)):
                notes += (step.description, *step.notes(net))
    return Upgrade(draft.document, tuple(dict.fromkeys(notes)), draft.warnings)


def upgrade_source(source: SourceFile) -> SourceFile:
    """Upgrade the document of a file; its bytes stay those that were read.

    Raises:
        SurgeryError: Caffe could not upgrade it.
    """
    result = upgrade_document(source.document, source.kind)
    return replace(source, document=result.document, notes=(*source.notes, *result.notes))


def upgrade_group(group: FileGroup) -> FileGroup:
    """Upgrade each file of a group.

    Raises:
        SurgeryError: Caffe could not upgrade one.
    """
    return map_sources(group, upgrade_source)
