"""The curves of training runs as characters, for a terminal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from ssdh_surgery.errors import of_extra
from ssdh_surgery.report.training_curves import (
    Panel,
    RunCurves,
    chance_lines,
    curve_label,
    panels_of,
)

# Rows of a panel, with its axis.
_ROWS = 16
_MOST_POINTS = 400
# What curves are drawn with where there are no colors to tell them apart.
_CHARACTERS = "*o+x#@%&"
_COLORS = ("blue", "orange", "green", "red", "magenta", "cyan")


def curves_text(runs: Sequence[RunCurves], width: int, *, is_colored: bool) -> str:
    """All runs over each other, a panel under the other.

    Args:
        runs: the runs.
        width: the columns of the text.
        is_colored: whether curves differ by colors, as escape sequences, or by characters.

    Raises:
        MissingExtra: plotext is not installed.
    """
    with of_extra("plot", "plotting in the terminal"):
        import plotext
    text = "\n".join(_panel_text(panel, runs, width, is_colored) for panel in panels_of(runs))
    return text if is_colored else str(plotext.uncolorize(text))


def _panel_text(panel: Panel, runs: Sequence[RunCurves], width: int, is_colored: bool) -> str:
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, _ROWS)
    characters = itertools.cycle(_CHARACTERS)
    for number, run in enumerate(runs):
        for place, curve in enumerate(each for each in run.curves if each.panel == panel):
            color = (place if len(runs) == 1 else number) % len(_COLORS)
            style: dict[str, Any] = (
                {"marker": "braille", "color": _COLORS[color]}
                if is_colored
                else {"marker": next(characters)}
            )
            xs, ys = curve.points(_MOST_POINTS)
            points = [(x, y) for x, y in zip(xs, ys, strict=True) if _is_drawn(panel, y)]
            if points:
                label = curve_label(run, curve, is_alone=len(runs) == 1)
                columns = [list(column) for column in zip(*points, strict=True)]
                plotext.plot(*columns, label=label, **style)
    if panel == "loss":
        for label, value in chance_lines(runs).items():
            plotext.hline(value)
            plotext.text(f"{label}: {value:.3g}", x=0, y=value, alignment="left")
    if panel == "learning rate":
        plotext.yscale("log")
    plotext.title(panel)
    text: str = plotext.build()
    return text.rstrip("\n")


def _is_drawn(panel: Panel, value: float) -> bool:
    return math.isfinite(value) and (panel != "learning rate" or value > 0)
