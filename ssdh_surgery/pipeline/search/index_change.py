"""`ssdh index`: making an index of codes, changing it by id, and describing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery.files import refuse_existing
from ssdh_surgery.names import readable
from ssdh_surgery.pipeline.search.features import FeatureFiles
from ssdh_surgery.retrieval.codes.code_file import read_codes
from ssdh_surgery.retrieval.codes.codes import refuse_empty
from ssdh_surgery.retrieval.index.index import ACTIVATIONS, REPLACE_OR_ADD, About
from ssdh_surgery.retrieval.index.kinds import index_kind
from ssdh_surgery.retrieval.index.places import (
    changing_index,
    create_index,
    is_database,
    open_index,
)

Report = Callable[[str], None]


@dataclass(frozen=True)
class IndexInfo:
    """An index: its place, what it is, and the number of its codes."""

    name: str
    about: About
    count: int

    def as_json(self) -> dict[str, Any]:
        """The answer of `index info --json`."""
        about = self.about
        return {
            "kind": about.kind,
            "codes": self.count,
            "bits": about.bits,
            "features": dict(about.features),
            "model": dict(about.model) if about.model else None,
            "recipe": dict(about.recipe),
            "class_names": list(map(readable, about.class_names)) or None,
        }


@dataclass(frozen=True)
class IndexChange:
    """A change of an index; `recall` is None if it was not measured."""

    index: IndexInfo
    added: int = 0
    replaced: int = 0
    removed: int = 0
    recall: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer of `index build|add|remove --json`."""
        return {
            "index": self.index.name,
            "kind": self.index.about.kind,
            "bits": self.index.about.bits,
            "codes": self.index.count,
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
        codes: the files, in the order of their items.
        place: a file, or `postgresql://HOST/DATABASE#TABLE`.
        kind: the name of its kind, see `kinds.KINDS`.
        features: files with activations of other blobs for the same ids, for re-ranking.
        keep_activations: keep the activations of the codes too, for re-ranking.
        measure_recall: measure the recall among this many nearest.
        force: replace an existing index.
        report: gets a warning if the images of a file were prepared differently from the first's,
            or if only one of them has class names.

    Raises:
        FileError: a file cannot be read, `place` exists without `force` or cannot be written.
        DataError: a file holds no codes, or the files do not belong together.
        UsageError: there is no such kind, or not in a database, or the URL names no table.
        MissingExtra: a library to search or to connect is not installed.
    """
    index_kind(kind)
    if not is_database(place):
        read = [*codes, *features]
        refuse_existing(Path(place), force=force, hint=REPLACE_OR_ADD, inputs=read)
    first = read_codes(codes[0])
    refuse_empty(first, "database")
    feature_files = FeatureFiles(features)
    kept = feature_files.of(first, keep_activations=keep_activations)
    with create_index(place, About.like(first, kind, kept), force=force) as index:
        index.is_in_build = True
        index.add(first, kept)
        del first, kept
        for path in codes[1:]:
            more = read_codes(path)
            kept = feature_files.of(more, keep_activations=keep_activations)
            index.add(more, kept, report=report)
            index.report_other_transform(more, report)
            index.record_source(more)
        index.save()
        recall = None if measure_recall is None else index.recall(measure_recall)
        info = IndexInfo(index.name, index.about, len(index))
        return IndexChange(info, added=info.count, recall=recall)


def add(
    place: str,
    codes: Sequence[Path],
    features: Sequence[Path] = (),
    *,
    replace: bool = False,
    report: Report | None = None,
) -> IndexChange:
    """Add files of codes to an index; `replace` lets existing ids have new codes.

    `report` gets a warning if the images of a file were prepared differently from the index's, or
    if only one of the two has class names.

    Raises:
        FileError: a file cannot be read or written.
        DataError: codes do not belong to the index, or exist; nothing was written.
    """
    feature_files = FeatureFiles(features)
    with changing_index(place) as index:
        keep_activations = ACTIVATIONS in index.about.features
        added = replaced = 0
        for path in codes:
            more = read_codes(path)
            kept = feature_files.of(more, keep_activations=keep_activations)
            counts = index.add(more, kept, replace=replace, report=report)
            added, replaced = added + counts[0], replaced + counts[1]
            index.report_other_transform(more, report)
            index.record_source(more)
        index.save()
        info = IndexInfo(index.name, index.about, len(index))
        return IndexChange(info, added=added, replaced=replaced)


def remove(place: str, ids: Sequence[str]) -> IndexChange:
    """Remove items from an index.

    Raises:
        FileError: it cannot be read or written.
        DataError: no item has one of the ids; nothing was written.
    """
    with changing_index(place) as index:
        removed = index.remove(ids)
        index.save()
        return IndexChange(IndexInfo(index.name, index.about, len(index)), removed=removed)


def info(place: str) -> IndexInfo:
    """Describe an index.

    Raises:
        FileError: it cannot be read.
    """
    with open_index(place) as index:
        return IndexInfo(index.name, index.about, len(index))
