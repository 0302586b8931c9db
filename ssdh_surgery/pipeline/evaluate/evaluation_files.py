"""An evaluation as files: a table for spreadsheets, and curves as PNG or SVG."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ssdh_surgery.errors import UsageError, of_extra, require_extra
from ssdh_surgery.files import write_bytes
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.evaluate.evaluate import Evaluation
from ssdh_surgery.retrieval.evaluate.tally import Measures

PLOT_KINDS = (".png", ".svg", ".pdf")
# Where precision is drawn when no places were asked for.
PLOT_PLACES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def measured(found: Evaluation) -> dict[str, Measures]:
    """The measures of the codes and of each baseline, by name."""
    return {"codes": found.measures, **found.baselines}


def write_csv(path: Path, found: Evaluation) -> None:
    """Write a row `of,measure,at,value` for each figure.

    Raises:
        FileError: it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["of", "measure", "at", "value"])
    for name, measures in measured(found).items():
        for kind, values in (("map", measures.map), ("precision", measures.precision)):
            writer.writerows([name, kind, at, repr(value)] for at, value in values.items())
        if measures.radius_precision is not None:
            at = found.protocol.radius
            writer.writerow([name, "radius_precision", at, repr(measures.radius_precision)])
        writer.writerows([name, "knn", at, repr(value)] for at, value in measures.knn.items())
    if found.classifier is not None:
        right = found.classifier.accuracy.items()
        writer.writerows(["classifier", "accuracy", at, repr(value)] for at, value in right)
    write_bytes(path, text.getvalue().encode())


def refuse_plot_kind(path: Path) -> None:
    """Refuse a plot whose name ends in no known way.

    Raises:
        UsageError: it names the kinds.
    """
    if path.suffix.lower() not in PLOT_KINDS:
        raise UsageError(
            f"a plot ends in {', '.join(PLOT_KINDS)}, not in '{path.suffix}'",
            location=Location(str(path)),
        )


def refuse_without_extra(*, page: bool) -> None:
    """Refuse, before anything is judged, what cannot be drawn or written as a page afterwards.

    Raises:
        MissingExtra: matplotlib is not installed, or Jinja for a page.
    """
    require_extra("plot", "writing a page" if page else "drawing curves", "matplotlib")
    if page:
        require_extra("plot", "writing a page", "jinja2")


def write_plot(path: Path, found: Evaluation) -> None:
    """Draw precision over recall by Hamming radius, and precision among the first N.

    Raises:
        UsageError: the name does not say which kind of picture.
        FileError: it cannot be written.
        MissingExtra: matplotlib is not installed.
    """
    refuse_plot_kind(path)
    write_bytes(path, _drawn(found, path.suffix.lower()))


def curves_svg(found: Evaluation) -> str:
    """The same drawing as an SVG element, to stand in a page.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    text = _drawn(found, ".svg").decode()
    return text[text.index("<svg") :]


def _drawn(found: Evaluation, kind: str) -> bytes:
    with of_extra("plot", "drawing curves"):
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for name, measures in measured(found).items():
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
    figure.suptitle(f"{found.title}; protocol: {found.protocol.name}")
    picture = io.BytesIO()
    # No date and no random names inside: the same figures give the same file.
    with matplotlib.rc_context({"svg.hashsalt": "ssdh"}):
        figure.savefig(picture, format=kind[1:], metadata=_METADATA.get(kind))
    return picture.getvalue()


_METADATA = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
