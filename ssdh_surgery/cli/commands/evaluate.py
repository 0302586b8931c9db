"""`ssdh evaluate`: mean average precision and its relatives, printed with their protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.live_line import Counter
from ssdh_surgery.cli.types import CutoffType
from ssdh_surgery.retrieval.evaluate.protocol import DIVISORS, NO_HITS, PRESETS, TIES

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.evaluate.evaluation import Evaluation

_FILE = click.Path(path_type=Path)


@click.command(
    "evaluate",
    cls=Command,
    sections={
        "Codes": ("queries", "database"),
        "Measures": ("cutoffs", "places", "voters", "radius", "scores", "features"),
        "Protocol": ("preset", "ties", "divisor", "no_hits", "seed"),
        "Writing": ("table", "plot", "html", "sheet", "force", "as_json"),
    },
    common=(
        *("queries", "database", "cutoffs", "places", "scores", "features", "preset"),
        *("plot", "html", "force", "as_json"),
    ),
    epilog="\b\nExample:\n  ssdh evaluate --queries queries.npz --database database.npz --map 1000",
)
@click.option(
    "--queries", type=_FILE, required=True, metavar="CODES", help="Search with these codes."
)
@click.option("--database", type=_FILE, required=True, metavar="CODES", help="Search these codes.")
@click.option(
    "--map", "cutoffs", type=CutoffType(), multiple=True, metavar="all|N",
    help="Compute mAP within the first N items; may be repeated (default: all).",
)  # fmt: skip
@click.option(
    "--precision", "places", type=click.IntRange(1), multiple=True, metavar="N",
    help="Compute precision among the first N items; may be repeated.",
)  # fmt: skip
@click.option(
    "--knn", "voters", type=click.IntRange(1), multiple=True, default=(10,), metavar="K",
    help="Compute top-1 accuracy by the vote of the K nearest; may be repeated (default: 10).",
)  # fmt: skip
@click.option(
    "--scores", type=_FILE, metavar="FEATURES",
    help="Compute the classifier's accuracy too, from its scores of the queries.",
)  # fmt: skip
@click.option(
    "--protocol", "preset", type=click.Choice(list(PRESETS)), default="authors",
    help="Use these definitions (default: authors).",
)  # fmt: skip
@click.option(
    "--ties",
    type=click.Choice(TIES),
    help="Set the order of items at one distance (default: the protocol's).",
)
@click.option(
    "--divisor",
    type=click.Choice(DIVISORS),
    help="Set what AP is divided by (default: the protocol's).",
)
@click.option(
    "--no-hits",
    type=click.Choice(NO_HITS),
    help="Count queries without a relevant item as 0, or skip them (default: the protocol's).",
)
@click.option(
    "--radius",
    type=click.IntRange(0),
    metavar="R",
    help="Compute precision within this radius (default: 2).",
)
@click.option(
    "--seed", type=click.IntRange(0), metavar="N",
    help="Random seed for ties and baselines (default: 0).",
)  # fmt: skip
@click.option(
    "--features", type=_FILE, nargs=2, metavar="QUERIES DATABASE",
    help="Compare with unsupervised codes of the same width, made from these activations.",
)  # fmt: skip
@click.option("--csv", "table", type=_FILE, metavar="FILE", help="Write the figures as a table.")
@click.option("--plot", type=_FILE, metavar="FILE", help="Draw the curves: .png, .svg or .pdf.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write figures and curves as one page.")
@click.option("--force", is_flag=True, help="Replace existing files.")
@shared.json_option
def command(
    queries: Path,
    database: Path,
    cutoffs: tuple[int | None, ...],
    places: tuple[int, ...],
    voters: tuple[int, ...],
    scores: Path | None,
    preset: str,
    features: tuple[Path, Path] | None,
    table: Path | None,
    plot: Path | None,
    html: Path | None,
    force: bool,
    as_json: bool,
    **protocol_values: Any,
) -> None:
    """Judge codes: rank the database for each query by Hamming distance.

    An item is relevant if it shares a label with the query. The protocol is printed with the
    figures; by default it is that of the authors of the method. Scores are the activations that
    'ssdh encode --blob CLASSIFIER' keeps of the queries, with a net that 'ssdh deploy
    --with-classifier' wrote.
    """
    from ssdh_surgery.pipeline.evaluate.evaluate import (
        EvaluationFigures,
        EvaluationInputs,
        EvaluationOutputs,
        evaluate,
    )

    with Counter("queries") as counter:
        evaluation = evaluate(
            EvaluationInputs(queries, database, scores, features or None),
            PRESETS[preset].changed(**protocol_values),
            EvaluationFigures(cutoffs or (None,), places, voters),
            EvaluationOutputs(table, plot, html, force),
            progress=counter.named,
            report=terminal.warn,
        )
    if as_json:
        terminal.answer_json(evaluation.as_json())
        return
    _answer(evaluation)
    if features is None:
        terminal.say(
            "no baselines: --features takes the activations of the features, "
            "which 'ssdh encode --blob' writes"
        )


def _answer(evaluation: Evaluation) -> None:
    terminal.answer(evaluation.title, bold=True)
    for number, sentence in enumerate(evaluation.conditions):
        terminal.answer(("protocol: " if not number else "          ") + sentence)
    rows = evaluation.figures
    if len(rows) == 1:
        for title, value in rows["codes"].items():
            terminal.answer(f"{title:<14} {value:.6f}")
        return
    titles = list(dict.fromkeys(title for values in rows.values() for title in values))
    width = max(map(len, rows))
    terminal.answer(" " * width + "".join(f"  {title:>14}" for title in titles), dim=True)
    for name, values in rows.items():
        cells = (f"{values[title]:14.6f}" if title in values else " " * 14 for title in titles)
        terminal.answer(f"{name:<{width}}  " + "  ".join(cells))
