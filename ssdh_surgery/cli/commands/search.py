"""`ssdh search`: the items of an index with the nearest codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.encoder_options import ENCODER_SECTIONS, encoder_options, options_of

if TYPE_CHECKING:
    from ssdh_surgery.pipeline.search.search import Answer

_FILE = click.Path(path_type=Path)


@click.command(
    "search",
    cls=Command,
    sections={
        "Queries": ("queries", "image", "ids", "codes"),
        "Hits": ("count", "rerank", "shortlist", "features"),
        **ENCODER_SECTIONS,
        "Writing": ("sheet", "root", "force", "as_json"),
    },
    common=(
        *("queries", "image", "ids", "codes", "count", "rerank", "deploy", "weights", "resize"),
        *("sheet", "root", "as_json"),
    ),
    epilog="\b\nExample:\n  ssdh search photos.index --queries queries.npz -k 5",
)
@click.argument("index")
@click.option("--queries", type=_FILE, metavar="CODES", help="Search with each code of a file.")
@click.option("--image", type=_FILE, metavar="FILE", help="Search with an image.")
@click.option("--id", "ids", multiple=True, metavar="ID", help="Search with an item of the index.")
@click.option(
    "--code", "codes", multiple=True, metavar="BITS|HEX",
    help="Search with a code, given as zeros and ones or as the hex of its packed bytes.",
)  # fmt: skip
@click.option(
    "-k", "count", type=click.IntRange(1), default=10, metavar="K",
    help="Show the K nearest items of each query (default: 10).",
)  # fmt: skip
@click.option(
    "--rerank", metavar="activations|BLOB",
    help="Re-rank the nearest codes by a feature that the index keeps.",
)  # fmt: skip
@click.option(
    "--shortlist", type=click.IntRange(1), metavar="N",
    help="Re-rank the N nearest codes (default: ten times -k, at least 100).",
)  # fmt: skip
@click.option(
    "--features", multiple=True, type=_FILE, metavar="CODES",
    help="Read activations of the queries for --rerank BLOB.",
)  # fmt: skip
@click.option("--sheet", type=_FILE, metavar="FILE", help="Draw the hits on a PNG.")
@click.option(
    "--root", metavar="DIR",
    help="Find the sheet's images in this folder (default: the source of the index).",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Replace an existing PNG.")
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
    **encoder_values: Any,
) -> int:
    """Find the items whose codes are nearest by Hamming distance; exit 1 if there are none.

    INDEX is a file or postgresql://USER@HOST/DATABASE#TABLE. Items at one distance are in the
    order of the index. An image is encoded first, by the net of ssdh.toml or the one that the
    options name, which must be the net of the index. With --rerank the nearest codes are a
    shortlist, ordered by the Euclidean distance of their activations or of another blob, such
    as fc7; the index must keep these (index build --activations, --features).
    """
    from ssdh_surgery.pipeline.search.search import Ranking, SearchQuery, SearchSheet, search

    sources = (queries is not None) + (image is not None) + bool(ids) + bool(codes)
    if sources != 1:
        one = "one of " if sources else ""
        raise click.UsageError(f"say what to search with: {one}--queries, --image, --id or --code")
    if rerank is None and (shortlist is not None or features):
        raise click.UsageError("--shortlist and --features belong to --rerank")
    if features and queries is None:
        raise click.UsageError("--features belongs to --queries")
    result = search(
        index,
        SearchQuery(queries, features, image, ids, codes, options_of(encoder_values)),
        Ranking(count, rerank, shortlist or max(100, 10 * count)),
        None if sheet is None else SearchSheet(sheet, root, force),
        terminal.warn,
    )
    if result.images is not None:
        terminal.say(f"wrote {sheet}: {result.images:,} images")
    if as_json:
        terminal.answer_json(result.as_json())
    else:
        for each in result.answers:
            _print_answer(each)
    return 0 if result.has_hits else 1


def _print_answer(answer: Answer) -> None:
    from ssdh_surgery.names import printable

    terminal.answer(printable(answer.query), bold=True)
    for hit in answer.hits:
        label = "" if hit.label is None else f"  {hit.label}"
        if hit.feature_distance is not None:
            label += f"  ({hit.feature_distance:.4f})"
        terminal.answer(f"  {hit.distance:>5}  {printable(hit.id)}{label}")
