"""An evaluation as one self-contained HTML page: figures, curves and protocol."""

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
    """The HTML of the page; all names are escaped.

    Args:
        title: the title of the evaluation.
        protocol: the definitions of the protocol, one sentence each.
        rows: the figures of the codes and of each baseline, by title.
        curves: the plot as an SVG element.
        warnings: warnings about the figures.

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
        curves=Markup(curves),  # our own SVG
        warnings=warnings,
    )
