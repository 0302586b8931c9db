"""Old nets, solvers and weights brought to the current dialect as Caffe does it, comments kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery.caffe.kind import Kind
from ssdh_surgery.caffe.net import Net
from ssdh_surgery.caffe.solver import Solver
from ssdh_surgery.caffe.weights_text import with_values
from ssdh_surgery.errors import Location, SurgeryError
from ssdh_surgery.pipeline.outputs import Mode, Output, WritePlan, write_all
from ssdh_surgery.pipeline.patched import Patched, PatchedFile
from ssdh_surgery.pipeline.sources import SourceFile
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.gate import prove
from ssdh_surgery.surgery.judge import MESSAGE_OF
from ssdh_surgery.surgery.upgrade import NET_STEPS, STOCK_STEP
from ssdh_surgery.surgery.upgrade.solver_type import solver_type_to_type


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
    """
    results = tuple(_upgraded(source, plan, stock_objective) for source in sources)
    written: list[Path] = []
    if plan.mode is Mode.WRITE:
        written = write_all([each.output for each in results if each.is_result], plan)
    return Patched(results, None, tuple(written))


def _upgraded(source: SourceFile, plan: WritePlan, stock: bool) -> PatchedFile:
    if source.kind is Kind.UNKNOWN:
        raise SurgeryError(str(source.kind), location=Location(source.name))
    kind = MESSAGE_OF[source.kind]
    document = source.document
    notes: list[str] = []
    warnings: tuple[str, ...] = ()
    if source.kind is Kind.SOLVER:
        proven = prove(document, solver_type_to_type(Solver(document)), kind)
        document, warnings = proven.document, proven.warnings
    else:
        for step in (*NET_STEPS, *([STOCK_STEP] if stock else [])):
            net = Net(document)
            change = step.change(net)
            if change:
                proven = prove(document, change, kind)
                document, warnings = proven.document, warnings or proven.warnings
                notes += [step.description, *step.notes(net)]
    is_changed = document is not source.document
    target = plan.target(source.place) if is_changed or source.is_zoo else source.place
    data = _bytes(source, document) if is_changed else source.data
    output = Output(target, data, source.path, source.data)
    return PatchedFile(source, output, document, tuple(notes), warnings)


def _bytes(source: SourceFile, document: Document) -> bytes:
    if source.kind is Kind.WEIGHTS:
        return with_values(document.text, source.data, source.name)
    return bytes(document)
