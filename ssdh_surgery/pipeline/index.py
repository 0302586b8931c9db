"""Making an index of codes, and changing one: files in, a file out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.pipeline.existing import refuse_existing
from ssdh_surgery.retrieval.codes import read_codes
from ssdh_surgery.retrieval.index import Index, Kind, build_index, open_index


@dataclass(frozen=True)
class IndexChange:
    """What was done to an index."""

    index: Index
    added: int = 0
    replaced: int = 0
    removed: int = 0


def build(
    codes: Sequence[Path],
    out: Path,
    kind: Kind,
    *,
    keep_activations: bool = False,
    force: bool = False,
) -> IndexChange:
    """Make an index of one or several files of codes, with their activations if asked for.

    Raises:
        FileError: a file cannot be read, `out` exists without `force` or cannot be written.
        DataError: a file holds no codes, or those of several do not belong together.
        MissingExtra: the backend is not installed.
    """
    hint = "--force replaces it, 'ssdh index add' adds to an index"
    refuse_existing(out, force=force, hint=hint)
    first, *others = [read_codes(path) for path in codes]
    index = build_index(first, kind, keep_activations=keep_activations)
    index.name = str(out)
    for each in others:
        index.add(each)
    index.save(out)
    return IndexChange(index, added=len(index))


def add(path: Path, codes: Sequence[Path], *, replace: bool = False) -> IndexChange:
    """Add files of codes to an index; with `replace`, ids that are there get new codes.

    Raises:
        FileError: a file cannot be read or written.
        DataError: codes do not belong into the index, or are there; nothing was written.
    """
    index = open_index(path)
    added = replaced = 0
    for each in codes:
        more, again = index.add(read_codes(each), replace=replace)
        added, replaced = added + more, replaced + again
    index.save(path)
    return IndexChange(index, added=added, replaced=replaced)


def remove(path: Path, ids: Sequence[str]) -> IndexChange:
    """Remove items of an index.

    Raises:
        FileError: it cannot be read or written.
        DataError: no item has one of the ids; nothing was written.
    """
    index = open_index(path)
    before = len(index)
    index.remove(ids)
    index.save(path)
    return IndexChange(index, removed=before - len(index))
