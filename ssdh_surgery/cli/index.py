"""`ssdh index`: codes made searchable, an index changed by id, and what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from ssdh_surgery.cli import options as shared
from ssdh_surgery.cli import terminal

if TYPE_CHECKING:
    from ssdh_surgery.retrieval.index import Kind

_FILE = click.Path(path_type=Path)
_KINDS = ("flat", "ivf", "hnsw", "multihash", "numpy")


@click.group("index", epilog="\b\nExample:\n  ssdh index info photos.index")
def command() -> None:
    """Make codes searchable."""


@command.command("build", epilog="\b\nExample:\n  ssdh index build database.npz -o new.index")
@click.argument("codes", nargs=-1, required=True, type=_FILE, metavar="CODES...")
@click.option("-o", "--output", type=_FILE, required=True, metavar="INDEX", help="The new file.")
@click.option(
    "--kind", type=click.Choice(_KINDS), default="flat",
    help="flat and numpy are exact; ivf, hnsw and multihash are faster on millions (flat).",
)  # fmt: skip
@click.option("--activations", is_flag=True, help="Keep activations, for search --rerank.")
@click.option("--measure-recall", is_flag=True, help="Measure what share of the nearest is found.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def build_command(
    codes: tuple[Path, ...],
    output: Path,
    kind: str,
    activations: bool,
    measure_recall: bool,
    force: bool,
) -> None:
    """Make an index of one or several files of codes, in their order.

    Codes whose width is no multiple of 8 are padded with zeros, which changes no distance.
    """
    from ssdh_surgery.pipeline import index as story

    change = story.build(
        codes, output, cast("Kind", kind), keep_activations=activations, force=force
    )
    index = change.index
    terminal.answer(f"wrote {output}: {len(index):,} codes of {index.bits} bits, {kind}")
    if measure_recall:
        terminal.answer(f"recall@10 {index.recall(10):.4f} on codes of the index itself")


@command.command("add", epilog="\b\nExample:\n  ssdh index add photos.index queries.npz --replace")
@click.argument("index", type=_FILE)
@click.argument("codes", nargs=-1, required=True, type=_FILE, metavar="CODES...")
@click.option("--replace", is_flag=True, help="Ids that are there get the new codes.")
def add_command(index: Path, codes: tuple[Path, ...], replace: bool) -> None:
    """Add codes to an index, behind those that are there."""
    from ssdh_surgery.pipeline import index as story

    change = story.add(index, codes, replace=replace)
    replaced = f", replaced {change.replaced:,}" if change.replaced else ""
    terminal.answer(f"added {change.added:,}{replaced}: {len(change.index):,} codes in {index}")


@command.command("remove", epilog="\b\nExample:\n  ssdh index remove photos.index database3")
@click.argument("index", type=_FILE)
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def remove_command(index: Path, ids: tuple[str, ...]) -> None:
    """Remove items from an index by their ids."""
    from ssdh_surgery.pipeline import index as story

    change = story.remove(index, ids)
    terminal.answer(f"removed {change.removed:,}: {len(change.index):,} codes in {index}")


@command.command("info", epilog="\b\nExample:\n  ssdh index info photos.index")
@click.argument("index", type=_FILE)
@shared.json_option
def info_command(index: Path, as_json: bool) -> None:
    """Tell what an index holds, and which model made its codes."""
    from ssdh_surgery.retrieval.index import open_index

    found = open_index(index)
    if as_json:
        terminal.answer_json(
            {
                "kind": found.kind,
                "codes": len(found),
                "bits": found.bits,
                "model": dict(found.model) if found.model else None,
                "recipe": dict(found.recipe),
            }
        )
        return
    terminal.answer(f"{index}: {len(found):,} codes of {found.bits} bits, {found.kind}", bold=True)
    if found.model is None:
        terminal.answer("model: not recorded, so queries of any model are taken")
        return
    for key, value in found.model.items():
        terminal.answer(f"{key}: {value}")
