"""`ssdh index`: building, changing and describing an index of codes."""

from __future__ import annotations

from pathlib import Path

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal
from ssdh_surgery.cli.command import Command
from ssdh_surgery.cli.types import WordType
from ssdh_surgery.names import count_text
from ssdh_surgery.retrieval.index.kinds import DEFAULT, KINDS, alternatives, postgres_kinds

_FILE = click.Path(path_type=Path)
# Recall is measured among this many nearest.
_NEAREST = 10
_features = click.option(
    "--features", multiple=True, type=_FILE, metavar="CODES",
    help="Keep activations of another blob for the same ids, for search --rerank.",
)  # fmt: skip


def _kinds_help() -> str:
    kinds = "; ".join(f"{kind.name}: {kind.summary}" for kind in KINDS.values())
    in_postgres = alternatives(postgres_kinds())
    return f"Choose how to search. {kinds}. In PostgreSQL: {in_postgres} (default: {DEFAULT})."


@click.group("index", epilog="\b\nExample:\n  ssdh index info photos.index")
def command() -> None:
    """Make codes searchable.

    An INDEX is a file, or a table of a PostgreSQL that has pgvector:
    postgresql://USER@HOST/DATABASE#TABLE. What such a URL leaves out comes from the usual
    places of PostgreSQL clients, such as PGPASSWORD and ~/.pgpass.
    """


@command.command(
    "build",
    cls=Command,
    sections={
        "Search": ("kind", "measure_recall"),
        "Features": ("activations", "features"),
        "Writing": ("output", "force", "as_json"),
    },
    common=("kind", "output", "force"),
    epilog="\b\nExample:\n  ssdh index build database.npz -o new.index",
)
@click.argument("codes", nargs=-1, required=True, type=_FILE, metavar="CODES...")
@click.option("-o", "--output", required=True, metavar="INDEX", help="Write this file or table.")
@click.option("--kind", type=WordType(list(KINDS)), default=DEFAULT, help=_kinds_help())
@click.option("--activations", is_flag=True, help="Keep activations, for search --rerank.")
@_features
@click.option("--measure-recall", is_flag=True, help="Measure the share of nearest codes found.")
@click.option("--force", is_flag=True, help="Replace an existing index.")
@shared.json_option
def build_command(
    codes: tuple[Path, ...],
    output: str,
    kind: str,
    activations: bool,
    features: tuple[Path, ...],
    measure_recall: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make an index of one or several files of codes, in their order.

    Codes whose width is not a multiple of 8 are padded with zeros, which changes no distance.
    """
    from ssdh_surgery.pipeline.search.index_change import build

    change = build(
        codes,
        output,
        kind,
        features,
        keep_activations=activations,
        measure_recall=_NEAREST if measure_recall else None,
        force=force,
        report=terminal.warn,
    )
    if as_json:
        terminal.answer_json(change.as_json())
        return
    index = change.index
    count = f"{count_text(index.count, 'code')} of {count_text(index.about.bits, 'bit')}"
    terminal.answer(f"wrote {index.name}: {count}, {kind}")
    if change.recall is not None:
        terminal.answer(f"recall@{_NEAREST} {change.recall:.4f} on codes of the index itself")


@command.command(
    "add", cls=Command, epilog="\b\nExample:\n  ssdh index add photos.index queries.npz --replace"
)
@click.argument("index")
@click.argument("codes", nargs=-1, required=True, type=_FILE, metavar="CODES...")
@_features
@click.option("--replace", is_flag=True, help="Replace the codes of existing ids.")
@shared.json_option
def add_command(
    index: str,
    codes: tuple[Path, ...],
    features: tuple[Path, ...],
    replace: bool,
    as_json: bool,
) -> None:
    """Append codes to an index."""
    from ssdh_surgery.pipeline.search.index_change import add

    change = add(index, codes, features, replace=replace, report=terminal.warn)
    if as_json:
        terminal.answer_json(change.as_json())
        return
    replaced = f", replaced {change.replaced:,}" if change.replaced else ""
    count = f"{count_text(change.index.count, 'code')} in {change.index.name}"
    terminal.answer(f"added {change.added:,}{replaced}: {count}")


@command.command(
    "remove", cls=Command, epilog="\b\nExample:\n  ssdh index remove photos.index database3"
)
@click.argument("index")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@shared.json_option
def remove_command(index: str, ids: tuple[str, ...], as_json: bool) -> None:
    """Remove items from an index by their ids."""
    from ssdh_surgery.pipeline.search.index_change import remove

    change = remove(index, ids)
    if as_json:
        terminal.answer_json(change.as_json())
        return
    count = f"{count_text(change.index.count, 'code')} in {change.index.name}"
    terminal.answer(f"removed {change.removed:,}: {count}")


@command.command("info", cls=Command, epilog="\b\nExample:\n  ssdh index info photos.index")
@click.argument("index")
@shared.json_option
def info_command(index: str, as_json: bool) -> None:
    """Show what an index holds, and which model made its codes."""
    from ssdh_surgery.pipeline.search.index_change import info

    index_info = info(index)
    if as_json:
        terminal.answer_json(index_info.as_json())
        return
    about = index_info.about
    count = f"{count_text(index_info.count, 'code')} of {count_text(about.bits, 'bit')}"
    terminal.answer(f"{index_info.name}: {count}, {about.kind}", bold=True)
    for feature, width in about.features.items():
        values = count_text(width, "value")
        terminal.answer(f"feature '{feature}': {values} each, for search --rerank")
    if about.model is None:
        terminal.answer("model: not recorded, so queries of any model are accepted")
        return
    for key, value in about.model.items():
        terminal.answer(f"{key}: {value}")
