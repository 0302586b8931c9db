"""An evaluation as one self-contained HTML page: figures, curves and protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from ssdh_surgery.errors import of_extra

_TEMPLATE = "evaluation.html"
# A longer table of classes is folded up at first.
_FOLDED = 30


@dataclass(frozen=True)
class FigureTable:
    """Figures with a row for each measure and a column for each thing that is judged.

    Args:
        columns: the titles of the columns.
        rows: the figures of each measure by column, which may lack some.
    """

    columns: Sequence[str]
    rows: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class ClassRow:
    """The figures of the queries of one class, by measure."""

    name: str
    queries: int
    figures: Mapping[str, float]


def evaluation_page(
    *,
    title: str,
    files: Mapping[str, str],
    warnings: Sequence[str],
    table: FigureTable,
    classes: Sequence[ClassRow],
    curves: Sequence[str],
    protocol: Sequence[str],
) -> str:
    """The HTML of the page; all names are escaped.

    Args:
        title: the title of the evaluation.
        files: the files that were judged, by what they are.
        warnings: reasons to doubt the figures, one sentence each.
        table: the figures.
        classes: the figures of each class; none for no such table.
        curves: the plots, each as an SVG element.
        protocol: the definitions of the protocol, one sentence each.

    Raises:
        MissingExtra: Jinja is not installed.
    """
    with of_extra("plot", "writing a page"):
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = resources.files("ssdh_surgery.report").joinpath(_TEMPLATE).read_text("utf-8")
    return environment.from_string(template).render(
        title=title,
        files=files,
        warnings=warnings,
        table=table,
        classes=classes,
        is_folded=len(classes) > _FOLDED,
        curves=[Markup(each) for each in curves],  # our own SVG
        protocol=protocol,
    )
