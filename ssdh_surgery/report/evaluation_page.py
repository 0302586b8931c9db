"""An evaluation as one HTML page that needs nothing beside it: figures, curves, protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources

from ssdh_surgery.errors import of_extra

_TEMPLATE = "evaluation.html"


def evaluation_page(
    title: str,
    protocol: Sequence[str],
    rows: Mapping[str, Mapping[str, float]],
    curves: str,
    warnings: Sequence[str] = (),
) -> str:
    """The page's text; all names are escaped.

    Args:
        title: what was judged.
        protocol: its definitions, a sentence each.
        rows: the figures of the codes and of each baseline, by their titles.
        curves: a drawing as an SVG element.
        warnings: what a reader must know of the figures.

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
        protocol=protocol,
        rows=rows,
        columns=list(dict.fromkeys(column for each in rows.values() for column in each)),
        curves=Markup(curves),  # our own drawing
        warnings=warnings,
    )
