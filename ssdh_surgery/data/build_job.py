"""A running build: records are made in threads and written in order, or nothing is kept."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ssdh_surgery.data import list_problems as kinds
from ssdh_surgery.data.build_paths import has_other_names, split_paths, vectors_path
from ssdh_surgery.data.class_names import class_names_bytes, class_names_path
from ssdh_surgery.data.datum import Shape, write_floats
from ssdh_surgery.data.image_list import ImageList, ListEntry
from ssdh_surgery.data.label_file import label_file, label_file_writes, list_file
from ssdh_surgery.data.list_problems import Problem
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.data.parallel import parallel_map
from ssdh_surgery.data.record import Record, RecordOptions, Side, make_record, record_key
from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.findings import Finding
from ssdh_surgery.location import Location
from ssdh_surgery.names import name_bytes, size_text
from ssdh_surgery.staging.renames import rename_all
from ssdh_surgery.staging.staged_file import Write, staged_files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


Progress = Callable[[int, int], None]


LabelsAs = Literal["lmdb", "hdf5"]


@dataclass(frozen=True)
class BuildSummary:
    """The outcome of a build.

    Attributes:
        records: the number of records in each LMDB.
        skipped: the number of images left out.
        shapes: the number of images of each (channels, height, width); after a resumed build,
            only those of the last run.
        findings: warnings, and with `skip_bad` the problems of the skipped lines.
        labels_file: the file with the class names of a folder.
        is_renumbered: whether the classes of a folder have other labels than they would have by
            themselves, because `labels_file` names others too.
        label_vectors: the LMDBs of label vectors, or the lists that name their HDF5 files.
    """

    records: dict[Path, int]
    skipped: int
    shapes: Counter[Shape]
    findings: tuple[Finding, ...]
    labels_file: Path | None = None
    is_renumbered: bool = False
    label_vectors: tuple[Path, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The output of `data build --json`."""
        return {
            "records": {str(path): count for path, count in self.records.items()},
            "skipped": self.skipped,
            "shapes": [
                {"shape": list(shape), "records": count}
                for shape, count in self.shapes.most_common()
            ],
            "labels_file": str(self.labels_file) if self.labels_file else None,
            "label_vectors": list(map(str, self.label_vectors)),
            "findings": [each.as_json() for each in self.findings],
        }


def record_order(images: ImageList, options: RecordOptions) -> list[_Numbered]:
    """The images in the order of their records, each with the number for its key.

    Without shuffling, the number is that of the list's line, counted from 0 with bad lines
    included; a shuffled list is renumbered.
    """
    if not options.shuffle:
        return [(entry.line_id, entry) for entry in images.entries]
    entries = list(images.entries)
    random.Random(options.seed).shuffle(entries)
    return list(enumerate(entries))


@dataclass
class BuildJob:
    """One running build.

    Attributes:
        images: the list.
        options: how the records are made.
        out: the LMDB.
        skip_bad: leave out bad lines and images instead of refusing.
        labels_as: where label vectors go.
        replace: replace existing files.
        names_before: what `labels.txt` held when the images were numbered; None without it.
        writers: for each side the LMDB of images and that of vectors.
    """

    images: ImageList
    options: RecordOptions
    out: Path
    skip_bad: bool
    labels_as: LabelsAs
    replace: bool
    names_before: bytes | None
    writers: dict[Side, list[LmdbWriter]] = field(default_factory=dict)
    shapes: Counter[Shape] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.order = record_order(self.images, self.options)
        self.problems = list(self.images.problems)
        self.bad = self.images.errors
        self.vectors = self._vectors()
        self.paths: dict[Side, Path] = {"train": self.out}
        if self.options.split is not None:
            self.paths = split_paths(self.out)

    def recipe(self) -> str:
        """A digest of everything that must be unchanged when a build is resumed."""
        root = os.path.abspath(self.images.root)
        digest = hashlib.sha256(name_bytes(f"{self.options} {root}"))
        for number, entry in self.order:
            labels = entry.label if entry.labels is None else entry.labels.tolist()
            digest.update(name_bytes(f"\0{number} {labels} {entry.path}"))
        return digest.hexdigest()

    def run(self, threads: int, progress: Progress | None) -> None:
        """Make all records; after a problem, write nothing more and only look for others."""
        writers = [writer for each in self.writers.values() for writer in each]
        last = {writer: _number(writer.last_key) for writer in writers}
        left = [item for item in self.order if item[0] > min(last.values())]
        finished = len(self.order) - len(left)
        results = parallel_map(self._make, left, threads)
        for (number, entry), result in zip(left, results, strict=True):
            if isinstance(result, Problem):
                self.problems.append(result)
                self.bad += 1
            else:
                self.shapes[result.shape] += 1
                if self._is_good():
                    self._put(number, entry, result, last)
            finished += 1
            if progress is not None:
                progress(finished, len(self.order))

    def _put(
        self, number: int, entry: ListEntry, record: Record, last: dict[LmdbWriter, int]
    ) -> None:
        """Write an image and its label vector, unless an earlier run has."""
        key = record_key(number, name_bytes(entry.path))
        records: list[bytes | bytearray] = [record.data]
        if self.vectors and self.labels_as == "lmdb":
            records.append(write_floats(self.vectors[entry.line_id][:, None, None]))
        for writer, data in zip(self.writers[record.side], records, strict=True):
            if number > last[writer]:
                writer.put(key, data)

    def _vectors(self) -> dict[int, NDArray[np.float32]]:
        """The label vector of each line."""
        vectors = self.images.label_vectors()
        if vectors is None:
            return {}
        lines = (entry.line_id for entry in self.images.entries)
        return dict(zip(lines, vectors, strict=True))

    def _make(self, item: _Numbered) -> Record | Problem:
        entry = item[1]
        try:
            return make_record(self.images.file(entry), entry.label, self.options)
        except (DataError, FileError) as error:
            return self.images.unreadable(entry, error)

    def _is_good(self) -> bool:
        return self.skip_bad or not self.bad

    def refuse_if_bad(self) -> None:
        """Refuse a build that has problems or no images left."""
        where = Location(self.images.source)
        findings = kinds.findings(self.problems, self.images.source)
        if not self._is_good():
            total = len(self.images.entries) + self.images.errors
            raise DataError(
                f"{self.bad:,} of {total:,} images cannot be used; nothing was written",
                location=where,
                hint="--skip-bad leaves them out",
                findings=findings,
            )
        for side, writers in self.writers.items():
            if not writers[0].records:
                which = "" if self.options.split is None else f" for the {side} side"
                raise DataError(f"no image is left{which}", location=where, findings=findings)

    def finish(self) -> BuildSummary:
        """Write everything to disk, and put all of it in place, or nothing.

        Raises:
            FileError: something cannot be written, or has appeared or changed since the start.
        """
        writers = list(itertools.chain.from_iterable(self.writers.values()))
        for writer in writers:
            writer.commit()
        with staged_files([*self._names_write(), *self._label_file_writes()]) as renames:
            rename_all([*(writer.complete() for writer in writers), *renames])
        return self._summary()

    def _summary(self) -> BuildSummary:
        records = {path: self.writers[side][0].records for side, path in self.paths.items()}
        problems = [*self.problems, *self._several_sizes(), *self._class_by_class()]
        return BuildSummary(
            records=records,
            skipped=len(self.order) + self.images.errors - sum(records.values()),
            shapes=self.shapes,
            findings=kinds.findings(problems, self.images.source),
            labels_file=class_names_path(self.out) if self.images.classes else None,
            is_renumbered=self._is_renumbered(),
            label_vectors=self._label_vectors(),
        )

    def _is_renumbered(self) -> bool:
        labels = sorted({entry.label for _, entry in self.order})
        names = [self.images.classes[label] for label in labels] if self.images.classes else []
        return bool(names) and (labels != list(range(len(labels))) or names != sorted(names))

    def _names_write(self) -> list[Write]:
        """The file with the class names, unless it has them already.

        One that another build changed since this one read it is refused: its labels differ.
        """
        if not has_other_names(self.out, self.images.classes):
            return []
        data, before = class_names_bytes(self.images.classes), self.names_before
        return [Write(class_names_path(self.out), data, before, is_new=before is None)]

    def _label_vectors(self) -> tuple[Path, ...]:
        """The LMDBs of label vectors, or the lists of the HDF5 files."""
        if not self.vectors:
            return ()
        places = tuple(map(vectors_path, self.paths.values()))
        if self.labels_as == "lmdb":
            return places
        return tuple(list_file(label_file(place)) for place in places)

    def _label_file_writes(self) -> list[Write]:
        """The HDF5 files of label vectors and their lists; none where these go to LMDBs."""
        if not self.vectors or self.labels_as == "lmdb":
            return []
        lines = {number: entry.line_id for number, entry in self.order}
        files = [label_file(vectors_path(path)) for path in self.paths.values()]
        writes: list[Write] = []
        for file, (writer,) in zip(files, self.writers.values(), strict=True):
            rows = [self.vectors[lines[_number(key)]] for key in writer.stored_keys()]
            writes += label_file_writes(file, rows, replace=self.replace)
        return writes

    def _several_sizes(self) -> list[Problem]:
        if len(self.shapes) < 2:
            return []
        common = self.shapes.most_common()
        return [
            Problem(kinds.SEVERAL_SIZES, None, f"{count:,} of {size_text(shape)}")
            for shape, count in common
        ]

    def _class_by_class(self) -> list[Problem]:
        labels = [entry.label for _, entry in self.order]
        classes = len(set(labels))
        if not 1 < classes < len(labels) or any(a > b for a, b in itertools.pairwise(labels)):
            return []
        return [Problem(kinds.CLASS_BY_CLASS, None, f"{len(labels):,} of {classes:,} classes")]


_Numbered = tuple[int, ListEntry]


def _number(key: bytes | None) -> int:
    """The number at the start of a key; -1 if there is no key yet."""
    return -1 if key is None else int(key.partition(b"_")[0])
