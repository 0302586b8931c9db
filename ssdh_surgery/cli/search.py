"""`ssdh search`: the items of an index whose codes are nearest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.encoder_options import encoder_options, options_of

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.search import Answer

_FILE = click.Path(path_type=Path)


@click.command(
    "search", epilog="\b\nExample:\n  ssdh search photos.index --queries queries.npz -k 5"
)
@click.argument("index", type=_FILE)
@click.option("--queries", type=_FILE, metavar="CODES", help="Search with each code of a file.")
@click.option("--image", type=_FILE, metavar="FILE", help="Search with a picture.")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Search with an item of the index.")
@click.option("-k", "count", type=click.IntRange(1), default=10, help="So many each (10).")
@click.option(
    "--rerank", type=click.IntRange(1), metavar="N",
    help="Rank the N nearest codes anew by their activations.",
)  # fmt: skip
@click.option("--sheet", type=_FILE, metavar="FILE", help="Draw what was found on a PNG.")
@click.option("--root", metavar="DIR", help="Where the pictures of the sheet are.")
@click.option("--force", is_flag=True, help="Replace the PNG if it exists.")
@encoder_options
@shared.json_option
def command(
    index: Path,
    queries: Path | None,
    image: Path | None,
    ids: tuple[str, ...],
    count: int,
    rerank: int | None,
    sheet: Path | None,
    root: str | None,
    force: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Find the items whose codes are nearest by Hamming distance.

    Items at one distance stand in the order of the index. A picture is encoded first, by the
    net of ssdh.toml or the one that is named, which must be that of the index. With --rerank
    those at one Hamming distance, and those near it, are told apart by their activations; the
    index must have been built with --activations.
    """
    from ssdh_surgery.pipeline import search as story
    from ssdh_surgery.pipeline.existing import refuse_existing

    if (queries is not None) + (image is not None) + bool(ids) != 1:
        raise click.UsageError("say what to search with: --queries, --image or --id")
    if sheet is not None:
        refuse_existing(sheet, force=force)
    if queries is not None:
        answers = story.by_queries(index, queries, count, rerank)
    elif image is not None:
        answers = story.by_picture(index, image, options_of(given), count, rerank)
    else:
        answers = story.by_ids(index, list(ids), count, rerank)
    if sheet is not None:
        _draw(sheet, index, answers, root)
    if as_json:
        terminal.answer_json({"results": [each.as_json() for each in answers]})
        return
    for each in answers:
        _tell(each)


def _draw(sheet: Path, index: Path, answers: list[Answer], root: str | None) -> None:
    from ssdh_surgery.pipeline.search_sheet import write_search_sheet
    from ssdh_surgery.retrieval.index import open_index

    count = write_search_sheet(sheet, answers, open_index(index).recipe, root)
    terminal.say(f"wrote {sheet}: {count:,} pictures")


def _tell(answer: Answer) -> None:
    from ssdh_surgery.data.names import shown

    terminal.answer(shown(answer.query), bold=True)
    for hit in answer.hits:
        label = "" if hit.label is None else f"  {hit.label}"
        if hit.feature_distance is not None:
            label += f"  ({hit.feature_distance:.4f})"
        terminal.answer(f"  {hit.distance:>5}  {shown(hit.id)}{label}")
