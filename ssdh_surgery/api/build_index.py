"""`ssdh index build` as a function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.api.keywords import check, paths
from ssdh_surgery.errors import UsageError
from ssdh_surgery.pipeline.search.index_change import build
from ssdh_surgery.pipeline.settings.value_types import Integer
from ssdh_surgery.retrieval.index.kinds import DEFAULT


@dataclass(frozen=True)
class IndexResult:
    """An index that was written.

    Args:
        index: the file or the table.
        kind: how it is searched.
        count: the number of its codes.
        bits: their width.
        recall: the share of nearest codes that a search finds; None if it was not measured.
        warnings: the reasons to doubt it.
    """

    index: str
    kind: str
    count: int
    bits: int
    recall: float | None
    warnings: tuple[str, ...]


def build_index(
    codes: str | Path | Iterable[str | Path],
    output: str | Path,
    *,
    kind: str = DEFAULT,
    activations: bool = False,
    features: str | Path | Iterable[str | Path] = (),
    measure_recall: int | None = None,
    force: bool = False,
) -> IndexResult:
    """Make an index of one or several files of codes, as `ssdh index build` does.

    Args:
        codes: the files of codes, in the order of their items.
        output: a file, or `postgresql://USER@HOST/DATABASE#TABLE`.
        kind: how to search: the name of a kind that `ssdh index build --help` lists.
        activations: keep activations, for re-ranking.
        features: activations of another blob for the same ids, for re-ranking.
        measure_recall: measure the share of so many nearest codes that a search finds.
        force: replace an existing index.

    Raises:
        SsdhError: a file cannot be read or written, or the files do not belong together.
    """
    files = paths(codes)
    if not files:
        raise UsageError("build_index needs a file of codes")
    warnings: list[str] = []
    change = build(
        files,
        str(output),
        kind,
        paths(features),
        keep_activations=activations,
        measure_recall=check("measure_recall", measure_recall, Integer(1)),
        force=force,
        report=warnings.append,
    )
    index = change.index
    return IndexResult(
        index.name,
        index.about.kind,
        index.count,
        index.about.bits,
        change.recall,
        tuple(warnings),
    )
