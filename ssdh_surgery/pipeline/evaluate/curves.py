"""The curves of an evaluation, and the figures of its classes, drawn by matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

from ssdh_surgery.pipeline.evaluate.evaluation import Evaluation
from ssdh_surgery.report.figure import figure_bytes, matplotlib_settings, new_figure
from ssdh_surgery.retrieval.evaluate.tally import Measures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Where precision is drawn by default, as far as the database goes.
CURVE_PLACES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
# More bars than this cannot be told apart.
_MOST_BARS = 40
# Above this many, or with longer names, the names of classes stand upright.
_LEVEL_BARS, _LEVEL_NAME = 10, 8
_AXIS = (-0.02, 1.02)
# Characters of a line above the panels.
_LINE = 150

Panel = Callable[["Axes", Evaluation], None]


def measures_by_name(evaluation: Evaluation) -> dict[str, Measures]:
    """The measures of the codes and of each baseline, by name."""
    return {"codes": evaluation.measures, **evaluation.baselines}


def plot(evaluation: Evaluation, suffix: str) -> bytes:
    """All panels in one figure, as a file with this suffix.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    with matplotlib_settings():
        has_classes = _has_bars(evaluation)
        figure = new_figure(10, 8 if has_classes else 4.8)
        grid = figure.add_gridspec(1 + has_classes, 2)
        _draw_recall(figure.add_subplot(grid[0, 0]), evaluation)
        _draw_places(figure.add_subplot(grid[0, 1]), evaluation)
        if has_classes:
            _draw_classes(figure.add_subplot(grid[1, :]), evaluation)
        files = ", ".join(f"{role} {name}" for role, name in evaluation.files.items())
        files = "\n".join(textwrap.wrap(files, _LINE))
        figure.suptitle(
            f"{evaluation.title}; protocol: {evaluation.protocol.name}\n{files}", size=9
        )
        return figure_bytes(figure, suffix)


def plots_svg(evaluation: Evaluation) -> list[str]:
    """Each panel as an SVG element, to embed in a page.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    panels: list[Panel] = [_draw_recall, _draw_places]
    if _has_bars(evaluation):
        panels.append(_draw_classes)
    elements = []
    for number, panel in enumerate(panels):
        with matplotlib_settings(salt=f"ssdh{number}"):
            figure = new_figure(5, 3.8)
            panel(figure.add_subplot(), evaluation)
            text = figure_bytes(figure, ".svg").decode()
            elements.append(text[text.index("<svg") :])
    return elements


def _draw_recall(axes: Axes, evaluation: Evaluation) -> None:
    for name, measures in measures_by_name(evaluation).items():
        if measures.curve:
            precision, recall = zip(*measures.curve, strict=True)
            axes.plot(recall, precision, marker=".", label=name)
    axes.set(xlabel="recall", ylabel="precision", title="within a Hamming radius", xlim=_AXIS)
    _finish(axes)


def _draw_places(axes: Axes, evaluation: Evaluation) -> None:
    for name, measures in measures_by_name(evaluation).items():
        places = {int(at): value for at, value in measures.precision.items()}
        axes.plot(sorted(places), [places[at] for at in sorted(places)], marker=".", label=name)
    axes.set(xlabel="N", ylabel="precision", title="among the first N")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    _finish(axes)


def _finish(axes: Axes) -> None:
    axes.set_ylim(_AXIS)
    axes.grid(alpha=0.3)
    axes.legend()


def _has_bars(evaluation: Evaluation) -> bool:
    return 0 < len(evaluation.class_figures) <= _MOST_BARS


def _draw_classes(axes: Axes, evaluation: Evaluation) -> None:
    classes = evaluation.class_figures
    title = next(iter(classes[0].figures))
    places = range(len(classes))
    axes.bar(places, [each.figures[title] for each in classes], width=0.7)
    names = [each.name for each in classes]
    is_level = len(names) <= _LEVEL_BARS and max(map(len, names)) <= _LEVEL_NAME
    axes.set_xticks(places, names, rotation=0 if is_level else 90)
    axes.set(ylabel=title, title="by class of the query", ylim=(0, 1.02))
    axes.grid(alpha=0.3, axis="y")
