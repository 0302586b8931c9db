"""Old nets, solvers and weights brought to the current dialect as Caffe does it, comments kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.weights.weights_text import with_values
from ssdh_surgery.pipeline.edit.result import Patched, PatchedFile
from ssdh_surgery.pipeline.edit.upgraded import upgraded
from ssdh_surgery.pipeline.files.outputs import Mode, Output, WritePlan, write_all
from ssdh_surgery.pipeline.files.sources import NETS, SourceFile, need, refuse_in_place
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.upgrade import NET_STEPS, STOCK_STEP, UpgradeStep


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
    for source in sources:
        need(source, *NETS, Kind.SOLVER, Kind.WEIGHTS)
        if plan.in_place:
            refuse_in_place(source)
    steps = (*NET_STEPS, *([STOCK_STEP] if stock_objective else []))
    results = tuple(_finished(source, plan, steps) for source in sources)
    written: list[Path] = []
    if plan.mode is Mode.WRITE:
        written = write_all([each.output for each in results if each.is_result], plan)
    return Patched(results, None, tuple(written))


def _finished(source: SourceFile, plan: WritePlan, steps: Sequence[UpgradeStep]) -> PatchedFile:
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
