"""`ssdh evaluate`: mean average precision and its relatives, with the protocol printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.live_line import Counter
from ssdh_surgery.cli.types import CutoffType
from ssdh_surgery.retrieval.evaluate.protocol import DIVISORS, NO_HITS, PRESETS, TIES

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.evaluate.evaluate import Evaluation

_FILE = click.Path(path_type=Path)
# So many of the ids that stand in both sets, and of strange labels, are named.
_NAMED = 3


@click.command(
    "evaluate",
    epilog="\b\nExample:\n  ssdh evaluate --queries queries.npz --database database.npz --map 1000",
)
@click.option("--queries", type=_FILE, required=True, metavar="CODES", help="Codes that search.")
@click.option(
    "--database", type=_FILE, required=True, metavar="CODES", help="Codes that are searched."
)
@click.option(
    "--map", "cutoffs", type=CutoffType(), multiple=True, metavar="all|N",
    help="mAP within so many items (all); may be given several times.",
)  # fmt: skip
@click.option(
    "--precision", "places", type=click.IntRange(1), multiple=True, metavar="N",
    help="Precision among the first N; may be given several times.",
)  # fmt: skip
@click.option(
    "--knn", "voters", type=click.IntRange(1), multiple=True, default=(10,), metavar="K",
    help="Top-1 by the vote of the K nearest (10); may be given several times.",
)  # fmt: skip
@click.option(
    "--scores", type=_FILE, metavar="FEATURES",
    help="The classifier's scores of the queries: its accuracy beside the codes.",
)  # fmt: skip
@click.option(
    "--protocol", "preset", type=click.Choice(list(PRESETS)), default="authors",
    help="Whose definitions (authors).",
)  # fmt: skip
@click.option("--ties", type=click.Choice(TIES), help="The order of items at one distance.")
@click.option("--divisor", type=click.Choice(DIVISORS), help="What AP is divided by.")
@click.option("--no-hits", type=click.Choice(NO_HITS), help="Queries without a relevant item.")
@click.option("--radius", type=click.IntRange(0), help="Precision within this radius (2).")
@click.option("--seed", type=click.IntRange(0), help="Of random ties and of baselines (0).")
@click.option(
    "--features", type=_FILE, nargs=2, metavar="QUERIES DATABASE",
    help="Files with the features' activations: baselines of as many bits without training.",
)  # fmt: skip
@click.option("--csv", "table", type=_FILE, metavar="FILE", help="Write the figures as a table.")
@click.option("--plot", type=_FILE, metavar="FILE", help="Draw the curves: .png, .svg or .pdf.")
@click.option("--html", type=_FILE, metavar="FILE", help="Write all of it as one page.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
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
    **changes: Any,
) -> None:
    """Judge codes: rank the database for each query by Hamming distance.

    An item is relevant if it has the query's label, or one of its labels. The protocol is
    printed with the figures; without options it is that of the authors of the method. Scores
    are what 'ssdh encode --blob CLASSIFIER' keeps of the queries, of a net that 'ssdh deploy
    --with-classifier' wrote.
    """
    from ssdh_surgery import files
    from ssdh_surgery.pipeline.evaluate import files as evaluate_files
    from ssdh_surgery.pipeline.evaluate.evaluate import evaluation
    from ssdh_surgery.pipeline.files.outputs import refuse_existing
    from ssdh_surgery.report.evaluation_page import evaluation_page

    read = (queries, database, scores, *(features or ()))
    for path in (table, plot, html):
        if path is not None:
            refuse_existing(path, force=force, inputs=read)
    if plot is not None:
        evaluate_files.refuse_plot_kind(plot)
    if plot is not None or html is not None:
        evaluate_files.refuse_without_extra(page=html is not None)
        places = places or evaluate_files.PLOT_PLACES
    protocol = PRESETS[preset].changed(**changes)
    with Counter("queries") as counter:
        found = evaluation(
            queries,
            database,
            protocol,
            cutoffs or (None,),
            places,
            voters,
            scores,
            features or None,
            counter.named,
        )
    warnings = _warnings(found)
    for warning in warnings:
        terminal.warn(warning)
    if table is not None:
        evaluate_files.write_csv(table, found)
    if plot is not None:
        evaluate_files.write_plot(plot, found)
    if html is not None:
        curves = evaluate_files.curves_svg(found)
        page = evaluation_page(found.title, found.conditions, found.figures, curves, warnings)
        files.write_bytes(html, page.encode())
    if as_json:
        terminal.answer_json(found.as_json())
        return
    _answer(found)
    if features is None:
        terminal.say(
            "no baselines: --features names the activations of the features, "
            "which 'ssdh encode --blob' writes"
        )


def _warnings(found: Evaluation) -> list[str]:
    from ssdh_surgery.names import printable

    count = len(found.queries)
    queries = f"of {count:,} quer{'y' if count == 1 else 'ies'}"
    warnings = []
    if found.overlap:
        ids = _first([f"'{printable(each)}'" for each in found.overlap])
        warnings.append(
            f"{len(found.overlap):,} {queries} are in the database too ({ids}): each finds "
            "itself, which makes the figures better than they are"
        )
    if labels := found.strange_labels:
        warnings.append(
            f"{found.measures.no_hits:,} {queries} have labels that the database lacks "
            f"({_first(list(map(str, labels)))}): do both sets count their classes alike?"
        )
    if found.other_transform is not None:
        warnings.append(found.other_transform)
    return warnings


def _first(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


def _answer(found: Evaluation) -> None:
    terminal.answer(found.title, bold=True)
    for number, sentence in enumerate(found.conditions):
        terminal.answer(("protocol: " if not number else "          ") + sentence)
    rows = found.figures
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
