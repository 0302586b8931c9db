"""An evaluation as files: a table for spreadsheets, and curves as PNG, SVG or PDF."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ssdh_surgery.errors import UsageError, require_extra
from ssdh_surgery.files import write_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.evaluate.curves import measures_by_name, plot, plots_svg
from ssdh_surgery.pipeline.evaluate.evaluation import Evaluation
from ssdh_surgery.report.evaluation_page import ClassRow, FigureTable, evaluation_page
from ssdh_surgery.retrieval.codes.label_text import label_text

PLOT_KINDS = (".png", ".svg", ".pdf")


def write_csv(path: Path, evaluation: Evaluation) -> None:
    """Write a row `of,measure,at,value` for each figure, those of classes as of `class NAME`.

    Raises:
        FileError: it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["of", "measure", "at", "value"])
    for name, measures in measures_by_name(evaluation).items():
        for kind, values in (("map", measures.map), ("precision", measures.precision)):
            writer.writerows([name, kind, at, repr(value)] for at, value in values.items())
        if measures.radius_precision is not None:
            at = evaluation.protocol.radius
            writer.writerow([name, "radius_precision", at, repr(measures.radius_precision)])
        writer.writerows([name, "knn", at, repr(value)] for at, value in measures.knn.items())
    for each in evaluation.measures.classes:
        name = f"class {label_text(each.label, evaluation.class_names)}"
        for kind, values in (("map", each.map), ("precision", each.precision), ("knn", each.knn)):
            writer.writerows([name, kind, at, repr(value)] for at, value in values.items())
    if evaluation.classifier is not None:
        right = evaluation.classifier.accuracy.items()
        writer.writerows(["classifier", "accuracy", at, repr(value)] for at, value in right)
    write_bytes(path, text.getvalue().encode())


def refuse_plot_kind(path: Path) -> None:
    """Refuse a plot with an unknown suffix.

    Raises:
        UsageError: it names the known ones.
    """
    if path.suffix.lower() not in PLOT_KINDS:
        raise UsageError(
            f"a plot must end in {', '.join(PLOT_KINDS)}, not in '{path.suffix}'",
            location=Location(str(path)),
        )


def refuse_without_extra(*, page: bool) -> None:
    """Refuse a plot or page that could not be drawn, before anything is judged.

    Raises:
        MissingExtra: matplotlib, or Jinja for a page, is not installed.
    """
    require_extra("plot", "writing a page" if page else "drawing curves", "matplotlib")
    if page:
        require_extra("plot", "writing a page", "jinja2")


def write_plot(path: Path, evaluation: Evaluation) -> None:
    """Plot the curves of an evaluation, and the figures of its classes.

    Raises:
        UsageError: the suffix is unknown.
        FileError: it cannot be written.
        MissingExtra: matplotlib is not installed.
    """
    refuse_plot_kind(path)
    write_bytes(path, plot(evaluation, path.suffix.lower()))


def write_page(path: Path, evaluation: Evaluation) -> None:
    """Write one HTML page with the figures, the curves and the protocol.

    Raises:
        FileError: it cannot be written.
        MissingExtra: matplotlib or Jinja is not installed.
    """
    findings = [f"{each.code}: {each.message}; {each.hint}" for each in evaluation.findings]
    page = evaluation_page(
        title=evaluation.title,
        files=evaluation.files,
        warnings=[*findings, *evaluation.warnings()],
        table=FigureTable(evaluation.columns, evaluation.figures),
        classes=[
            ClassRow(each.name, each.queries, each.figures) for each in evaluation.class_figures
        ],
        curves=plots_svg(evaluation),
        protocol=evaluation.conditions,
    )
    write_bytes(path, page.encode())
