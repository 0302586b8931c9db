"""`ssdh evaluate`: mean average precision and its relatives, printed with their protocol."""

from __future__ import annotations

from collections.abc import Sequence
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
    from ssdh_surgery.pipeline.evaluate.evaluation import ClassFigures, Evaluation

_FILE = click.Path(path_type=Path)
# Classes that are printed; files have all.
_MOST_CLASSES = 20


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
@click.option(
    "--sheet", type=_FILE, metavar="FILE",
    help="Draw some queries and their nearest items on a PNG, framed green if they share a class, "
    "else red.",
)  # fmt: skip
@click.option(
    "--root", metavar="DIR",
    help="Find the images of the database in this folder (default: the folder that was encoded).",
)  # fmt: skip
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
    sheet: Path | None,
    root: str | None,
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
    from ssdh_surgery.pipeline.evaluate.examples import write_examples
    from ssdh_surgery.report.hit_sheet import SheetFile

    inputs = [queries, database, scores, *(features or ())]
    sheet_file = None if sheet is None else SheetFile(sheet, root, force, inputs)
    with Counter("queries") as counter:
        evaluation = evaluate(
            EvaluationInputs(queries, database, scores, features or None),
            PRESETS[preset].changed(**protocol_values),
            EvaluationFigures(cutoffs or (None,), places, voters),
            EvaluationOutputs(table, plot, html, force),
            progress=counter.named,
            report=terminal.warn,
        )
    for finding in evaluation.findings:
        terminal.finding(finding)
    if as_json:
        terminal.answer_json(evaluation.as_json())
    else:
        _answer(evaluation)
    if sheet_file is not None:
        # The answer is printed already, which an error here cannot take back.
        written = write_examples(sheet_file, evaluation, terminal.warn)
        terminal.say(f"wrote {sheet}: {written.words()}")
    if features is None and not as_json:
        terminal.say(
            "no baselines: --features takes the activations of the features, "
            "which 'ssdh encode --blob' writes"
        )


def _answer(evaluation: Evaluation) -> None:
    terminal.answer(evaluation.title, bold=True)
    for role, name in evaluation.files.items():
        terminal.answer(f"{role + ':':<9} {name}")
    for number, sentence in enumerate(evaluation.conditions):
        terminal.prose(("protocol: " if not number else "          ") + sentence, indent=10)
    rows, columns = evaluation.figures, evaluation.columns
    _print_table(
        ["", *columns] if len(columns) > 1 else None,
        [
            [measure, *(f"{figures[each]:.6f}" if each in figures else "" for each in columns)]
            for measure, figures in rows.items()
        ],
    )
    _answer_classes(evaluation.class_figures)


def _answer_classes(classes: Sequence[ClassFigures]) -> None:
    """The figures of each class, or of those where the first figure is lowest."""
    if not classes:
        return
    measures = list(classes[0].figures)
    title = f"{len(classes):,} classes"
    if len(classes) > _MOST_CLASSES:
        classes = sorted(classes, key=lambda each: each.figures[measures[0]])[:_MOST_CLASSES]
        title = f"the {_MOST_CLASSES} lowest of {title}"
    _print_table(
        [title, "queries", *measures],
        [
            [each.name, f"{each.queries:,}", *(f"{value:.6f}" for value in each.figures.values())]
            for each in classes
        ],
    )


def _print_table(head: list[str] | None, rows: list[list[str]]) -> None:
    """Print rows below a head, the first column to the left and the others to the right."""
    lines = rows if head is None else [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (f"  {text:>{width}}" for text, width in zip(line[1:], widths[1:], strict=True))
        text = f"{line[0]:<{widths[0]}}{''.join(cells)}".rstrip()
        terminal.answer(text, dim=line is head)
