"""Making an index of codes, and changing one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery.pipeline.files.outputs import refuse_existing
from ssdh_surgery.pipeline.search.features import FeatureFiles
from ssdh_surgery.retrieval.codes.code_file import read_codes
from ssdh_surgery.retrieval.codes.codes import Codes, refuse_empty
from ssdh_surgery.retrieval.codes.compatibility import other_transform
from ssdh_surgery.retrieval.index.index import ACTIVATIONS, About, Index
from ssdh_surgery.retrieval.index.kinds import index_kind
from ssdh_surgery.retrieval.index.places import create_index, is_database, open_index

Report = Callable[[str], None]
_IN_THE_WAY = "--force replaces it, 'ssdh index add' adds to an index"


@dataclass(frozen=True)
class IndexChange:
    """What was done to an index; `name` is where it is, `recall` is None where not measured."""

    name: str
    about: About
    count: int
    added: int = 0
    replaced: int = 0
    removed: int = 0
    recall: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer of `index build|add|remove --json`."""
        return {
            "index": self.name,
            "kind": self.about.kind,
            "bits": self.about.bits,
            "codes": self.count,
            "added": self.added,
            "replaced": self.replaced,
            "removed": self.removed,
            "recall": self.recall,
        }


def build(
    codes: Sequence[Path],
    place: str,
    kind: str,
    features: Sequence[Path] = (),
    *,
    keep_activations: bool = False,
    measure_recall: int | None = None,
    force: bool = False,
    report: Report | None = None,
) -> IndexChange:
    """Make an index of one or several files of codes.

    Args:
        codes: the files, whose items stand in this order.
        place: a file, or `postgresql://HOST/DATABASE#TABLE`.
        kind: how the index is searched.
        features: files with activations of other blobs for the same ids, for re-ranking.
        keep_activations: whether the activations of the codes are kept for this too.
        measure_recall: measure the recall among so many nearest.
        force: replace an index that is there.
        report: told where a file's pictures were prepared otherwise than the first's.

    Raises:
        FileError: a file cannot be read, `place` exists without `force` or cannot be written.
        DataError: a file holds no codes, or those of several do not belong together.
        UsageError: a URL names no table, or there is no such kind, or none in a database.
        MissingExtra: what searches, or what connects, is not installed.
    """
    index_kind(kind)
    if not is_database(place):
        refuse_existing(Path(place), force=force, hint=_IN_THE_WAY, inputs=[*codes, *features])
    first = read_codes(codes[0])
    refuse_empty(first, "database")
    gathered = FeatureFiles(features)
    kept = gathered.of(first, keep_activations=keep_activations)
    with create_index(place, About.like(first, kind, kept), force=force) as index:
        index.add(first, kept)
        del first, kept
        for path in codes[1:]:
            more = read_codes(path)
            index.add(more, gathered.of(more, keep_activations=keep_activations))
            tell_otherwise(index, more, report)
        index.save()
        recall = None if measure_recall is None else index.recall(measure_recall)
        return IndexChange(index.name, index.about, len(index), len(index), recall=recall)


def add(
    place: str,
    codes: Sequence[Path],
    features: Sequence[Path] = (),
    *,
    replace: bool = False,
    report: Report | None = None,
) -> IndexChange:
    """Add files of codes to an index; with `replace`, ids that are there get new codes.

    `report` is told where a file's pictures were prepared otherwise than the index's.

    Raises:
        FileError: a file cannot be read or written.
        DataError: codes do not belong into the index, or are there; nothing was written.
    """
    gathered = FeatureFiles(features)
    with open_index(place) as index:
        keep_activations = ACTIVATIONS in index.about.features
        added = replaced = 0
        for path in codes:
            more = read_codes(path)
            new, again = index.add(
                more, gathered.of(more, keep_activations=keep_activations), replace=replace
            )
            added, replaced = added + new, replaced + again
            tell_otherwise(index, more, report)
        index.save()
        return IndexChange(index.name, index.about, len(index), added, replaced)


def tell_otherwise(index: Index, codes: Codes, report: Report | None) -> None:
    """Tell `report` where the codes' pictures were prepared otherwise than the index's."""
    otherwise = other_transform(codes, index.about.recipe, f"the index {index.name}")
    if otherwise is not None and report is not None:
        report(otherwise)


def remove(place: str, ids: Sequence[str]) -> IndexChange:
    """Remove items of an index.

    Raises:
        FileError: it cannot be read or written.
        DataError: no item has one of the ids; nothing was written.
    """
    with open_index(place) as index:
        removed = index.remove(ids)
        index.save()
        return IndexChange(index.name, index.about, len(index), removed=removed)
