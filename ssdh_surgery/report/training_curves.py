"""The curves of training runs: losses, scores, learning rate and the terms that make codes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ssdh_surgery.names import printable
from ssdh_surgery.report.figure import figure_bytes, matplotlib_settings, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Panel = Literal["loss", "score", "codes", "learning rate"]
PANELS: tuple[Panel, ...] = ("loss", "score", "codes", "learning rate")

# Points of a curve beyond which the lowest and the highest of several are drawn.
_MOST_POINTS = 4000
_SIZE = (10.0, 3.2)  # of a panel, in inches
_LINES = ("-", "--", "-.", ":")


@dataclass
class Curve:
    """A number over the iterations of a run.

    Attributes:
        name: what it is, such as `loss` or `accuracy`.
        panel: the panel that it is drawn in.
        is_test: whether a test net gave it.
        iterations: the iterations, ascending.
        values: the number at each of them.
    """

    name: str
    panel: Panel
    is_test: bool = False
    iterations: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def points(self, most: int = _MOST_POINTS) -> tuple[list[int], list[float]]:
        """The points to draw: all, or the lowest and the highest of each stretch."""
        step = -(-2 * len(self.values) // most)
        if step < 2:
            return self.iterations, self.values
        kept: list[int] = []
        for start in range(0, len(self.values), step):
            stretch = range(start, min(start + step, len(self.values)))
            finite = [i for i in stretch if math.isfinite(self.values[i])] or [start]
            kept += sorted({min(finite, key=self._value), max(finite, key=self._value)})
        return [self.iterations[i] for i in kept], [self.values[i] for i in kept]

    def first_not_finite(self) -> int | None:
        """The iteration of the first value that is nan or infinite."""
        pairs = zip(self.iterations, self.values, strict=True)
        return next((at for at, value in pairs if not math.isfinite(value)), None)

    def _value(self, index: int) -> float:
        return self.values[index]


@dataclass
class RunCurves:
    """The curves of a run, which may have been resumed.

    Attributes:
        name: what it is called where several runs are drawn.
        curves: its curves.
        classes: the number of classes of its main head, for the loss of a guess; None if unknown.
    """

    name: str
    curves: list[Curve] = field(default_factory=list)
    classes: int | None = None


def chance_lines(runs: Iterable[RunCurves]) -> dict[str, float]:
    """The losses of a guess, ln(classes), by their labels."""
    classes = sorted({run.classes for run in runs if run.classes and run.classes > 1})
    return {f"chance for {count} classes": math.log(count) for count in classes}


def panels_of(runs: Sequence[RunCurves]) -> list[Panel]:
    """The panels that have a curve, in their order."""
    used = {curve.panel for run in runs for curve in run.curves}
    return [panel for panel in PANELS if panel in used]


def curve_label(run: RunCurves, curve: Curve, *, is_alone: bool) -> str:
    """What a curve is called in a legend."""
    name = f"{curve.name} (test)" if curve.is_test else curve.name
    return printable(name if is_alone else f"{run.name}: {name}")


def draw_runs(runs: Sequence[RunCurves], title: str, suffix: str) -> bytes:
    """All runs over each other, a panel under the other, as a file with this suffix.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    with matplotlib_settings():
        panels = panels_of(runs)
        width, height = _SIZE
        figure = new_figure(width, height * len(panels))
        figure.suptitle(title, size=9)
        rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, panel in zip(rows, panels, strict=True):
            _draw_panel(axes, panel, runs)
        rows[-1].set_xlabel("iteration")
        return figure_bytes(figure, suffix)


def _draw_panel(axes: Axes, panel: Panel, runs: Sequence[RunCurves]) -> None:
    is_alone = len(runs) == 1
    for number, run in enumerate(runs):
        for place, curve in enumerate(each for each in run.curves if each.panel == panel):
            # Colors tell the runs apart, or else the curves of the only run.
            color = f"C{(place if is_alone else number) % 10}"
            label = curve_label(run, curve, is_alone=is_alone)
            line = "-" if is_alone else _LINES[place % len(_LINES)]
            marker = "." if curve.is_test else None
            axes.plot(*curve.points(), line, color=color, marker=marker, linewidth=1, label=label)
        _mark_divergence(axes, panel, run, "" if is_alone else f"{printable(run.name)}: ")
    if panel == "loss":
        for label, value in chance_lines(runs).items():
            axes.axhline(value, color="gray", linestyle=":", linewidth=1, label=label)
    elif panel == "learning rate":
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(lambda value, _: "")
    axes.set_ylabel(panel)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))


def _mark_divergence(axes: Axes, panel: Panel, run: RunCurves, name: str) -> None:
    """Mark where the first curve of a run becomes nan or infinite."""
    firsts = [curve.first_not_finite() for curve in run.curves if curve.panel == panel]
    iteration = min((first for first in firsts if first is not None), default=None)
    if iteration is not None:
        axes.axvline(iteration, color="gray", linestyle=":", linewidth=1)
        place = axes.get_xaxis_transform()
        axes.text(iteration, 0.02, f" {name}nan or inf from here on", size=7, transform=place)
