"""The story of `ssdh upgrade`: old nets, solvers and weights in the current dialect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssdh_surgery.caffe.net.kind import Kind
from ssdh_surgery.caffe.weights.weights_text import with_values
from ssdh_surgery.pipeline.edit.result import FileResult, Results, write_results
from ssdh_surgery.pipeline.edit.upgrade_files import upgrade_document
from ssdh_surgery.pipeline.files.outputs import Mode, Output, WritePlan, locked_for
from ssdh_surgery.pipeline.files.sources import (
    NETS,
    SourceFile,
    need,
    places,
    read_source_or_weights,
    refuse_in_place,
)
from ssdh_surgery.prototxt.cst import Document
from ssdh_surgery.surgery.upgrade import NET_STEPS, STOCK_STEP, UpgradeStep

# What is added to the names of files by default.
SUFFIX = "_upgraded"


def upgrade_files(
    names: Sequence[str], plan: WritePlan, *, stock_objective: bool = False
) -> Results:
    """Read and upgrade files, as `upgrade` does; other processes that change them wait for the end.

    Raises:
        SsdhError: a file cannot be read or upgraded; nothing was written.
    """
    with locked_for(plan, places(names)):
        sources = [read_source_or_weights(name) for name in names]
        return upgrade(sources, plan, stock_objective=stock_objective)


def upgrade(
    sources: Sequence[SourceFile], plan: WritePlan, *, stock_objective: bool = False
) -> Results:
    """Upgrade nets, solvers and weights; files in the current dialect stay as they are.

    Args:
        sources: the files.
        plan: the writing options.
        stock_objective: also replace the layers of the authors' fork by stock ones.

    Raises:
        SurgeryError: a file is none of these, or Caffe could not upgrade it.
        UsageError: `--in-place` for standard input or a built-in network.
    """
    for source in sources:
        need(source, *NETS, Kind.SOLVER, Kind.WEIGHTS)
        if plan.in_place:
            refuse_in_place(source)
    steps = (*NET_STEPS, *([STOCK_STEP] if stock_objective else []))
    results = tuple(_finished(source, plan, steps) for source in sources)
    written: list[Path] = []
    if plan.mode is Mode.WRITE:
        written = write_results(results, plan)
    return Results(results, None, tuple(written))


def _finished(source: SourceFile, plan: WritePlan, steps: Sequence[UpgradeStep]) -> FileResult:
    result = upgrade_document(source.document, source.kind, steps)
    is_changed = result.document is not source.document
    target = plan.target(source.place) if is_changed or source.is_zoo else source.place
    data = _bytes(source, result.document) if is_changed else source.data
    output = Output(target, data, source.path, source.data)
    return FileResult(source, output, result.document, result.notes, result.warnings)


def _bytes(source: SourceFile, document: Document) -> bytes:
    if source.kind is Kind.WEIGHTS:
        return with_values(document.text, source.data, source.name)
    return bytes(document)
