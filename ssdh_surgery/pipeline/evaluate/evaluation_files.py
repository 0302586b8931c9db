"""An evaluation as files: a table for spreadsheets, and curves as PNG, SVG or PDF."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ssdh_surgery.errors import UsageError, of_extra, require_extra
from ssdh_surgery.files import write_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.evaluate.evaluation import Evaluation
from ssdh_surgery.retrieval.evaluate.tally import Measures

PLOT_KINDS = (".png", ".svg", ".pdf")
# Where precision is drawn by default.
PLOT_PLACES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def measures_by_name(evaluation: Evaluation) -> dict[str, Measures]:
    """The measures of the codes and of each baseline, by name."""
    return {"codes": evaluation.measures, **evaluation.baselines}


def write_csv(path: Path, evaluation: Evaluation) -> None:
    """Write a row `of,measure,at,value` for each figure.

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
    """Plot precision over recall by Hamming radius, and precision among the first N.

    Raises:
        UsageError: the suffix is unknown.
        FileError: it cannot be written.
        MissingExtra: matplotlib is not installed.
    """
    refuse_plot_kind(path)
    write_bytes(path, _drawn(evaluation, path.suffix.lower()))


def curves_svg(evaluation: Evaluation) -> str:
    """The same plot as an SVG element, to embed in a page.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    text = _drawn(evaluation, ".svg").decode()
    return text[text.index("<svg") :]


def _drawn(evaluation: Evaluation, kind: str) -> bytes:
    with of_extra("plot", "drawing curves"):
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for name, measures in measures_by_name(evaluation).items():
        if measures.curve:
            precision, recall = zip(*measures.curve, strict=True)
            left.plot(recall, precision, marker=".", label=name)
        places = {int(at): value for at, value in measures.precision.items()}
        right.plot(sorted(places), [places[at] for at in sorted(places)], marker=".", label=name)
    left.set(xlabel="recall", ylabel="precision", title="within a Hamming radius", ylim=(0, 1.02))
    right.set(xlabel="N", ylabel="precision", title="among the first N", ylim=(0, 1.02))
    right.set_xscale("log")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(f"{evaluation.title}; protocol: {evaluation.protocol.name}")
    image = io.BytesIO()
    # Without dates and random names, the same figures give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "ssdh"}):
        figure.savefig(image, format=kind[1:], metadata=_METADATA.get(kind))
    return image.getvalue()


_METADATA = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
