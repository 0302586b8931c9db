"""`ssdh search`: the items of an index whose codes are nearest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.encoder_options import encoder_options, options_of

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.search.search import Answer
    from ssdh_surgery.retrieval.index.index import Index

_FILE = click.Path(path_type=Path)


@click.command(
    "search", epilog="\b\nExample:\n  ssdh search photos.index --queries queries.npz -k 5"
)
@click.argument("index")
@click.option("--queries", type=_FILE, metavar="CODES", help="Search with each code of a file.")
@click.option("--image", type=_FILE, metavar="FILE", help="Search with a picture.")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Search with an item of the index.")
@click.option(
    "--code", "codes", multiple=True, metavar="BITS|HEX",
    help="Search with a code: its zeros and ones, or the hex of its packed bytes.",
)  # fmt: skip
@click.option("-k", "count", type=click.IntRange(1), default=10, help="So many each (10).")
@click.option(
    "--rerank", metavar="activations|BLOB",
    help="Rank the nearest codes anew by a feature that the index keeps.",
)  # fmt: skip
@click.option(
    "--shortlist", type=click.IntRange(1), metavar="N",
    help="So many codes are ranked anew (ten times -k, at least 100).",
)  # fmt: skip
@click.option(
    "--features", multiple=True, type=_FILE, metavar="CODES",
    help="Activations of the queries for --rerank BLOB.",
)  # fmt: skip
@click.option("--sheet", type=_FILE, metavar="FILE", help="Draw what was found on a PNG.")
@click.option("--root", metavar="DIR", help="Where the pictures of the sheet are.")
@click.option("--force", is_flag=True, help="Replace the PNG if it exists.")
@encoder_options
@shared.json_option
def command(
    index: str,
    queries: Path | None,
    image: Path | None,
    ids: tuple[str, ...],
    codes: tuple[str, ...],
    count: int,
    rerank: str | None,
    shortlist: int | None,
    features: tuple[Path, ...],
    sheet: Path | None,
    root: str | None,
    force: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Find the items whose codes are nearest by Hamming distance; exit 1 if there are none.

    INDEX is a file or postgresql://USER@HOST/DATABASE#TABLE. Items at one distance stand in
    the order of the index. A picture is encoded first, by the net of ssdh.toml or the one that
    is named, which must be that of the index. With --rerank the nearest codes are a shortlist,
    told apart by the Euclidean distance of their activations or of another blob, such as fc7;
    the index must keep these (index build --activations, --features).
    """
    from ssdh_surgery.pipeline.files.outputs import refuse_existing
    from ssdh_surgery.pipeline.search import search as story
    from ssdh_surgery.report.contact_sheet import refuse_sheet_kind
    from ssdh_surgery.retrieval.index.places import open_index

    asked = (queries is not None) + (image is not None) + bool(ids) + bool(codes)
    if asked != 1:
        one = "one of " if asked else ""
        raise click.UsageError(f"say what to search with: {one}--queries, --image, --id or --code")
    if rerank is None and (shortlist is not None or features):
        raise click.UsageError("--shortlist and --features belong to --rerank")
    if features and queries is None:
        raise click.UsageError("--features belongs to --queries")
    if sheet is not None:
        refuse_sheet_kind(sheet)
        refuse_existing(sheet, force=force, inputs=[queries, image, *features])
    wanted = story.Wanted(count, rerank, shortlist or max(100, 10 * count))
    options = options_of(given)
    with open_index(index) as opened:
        if queries is not None:
            answers = story.by_queries(opened, queries, wanted, features, terminal.warn)
        elif image is not None:
            answers = story.by_picture(opened, image, options, wanted, terminal.warn)
        elif ids:
            answers = story.by_ids(opened, ids, wanted)
        else:
            answers = story.by_code(opened, codes, wanted)
    if sheet is not None:
        _draw(sheet, opened, answers, root)
    if as_json:
        terminal.answer_json({"results": [each.as_json() for each in answers]})
    else:
        for each in answers:
            _tell(each)
    return 0 if any(each.hits for each in answers) else 1


def _draw(sheet: Path, index: Index, answers: list[Answer], root: str | None) -> None:
    from ssdh_surgery.pipeline.search.sheet import write_search_sheet

    count = write_search_sheet(sheet, answers, index.about.recipe, root)
    terminal.say(f"wrote {sheet}: {count:,} pictures")


def _tell(answer: Answer) -> None:
    from ssdh_surgery.names import printable

    terminal.answer(printable(answer.query), bold=True)
    for hit in answer.hits:
        label = "" if hit.label is None else f"  {hit.label}"
        if hit.feature_distance is not None:
            label += f"  ({hit.feature_distance:.4f})"
        terminal.answer(f"  {hit.distance:>5}  {printable(hit.id)}{label}")
