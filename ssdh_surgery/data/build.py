"""An LMDB from a list or a folder of pictures: what `convert_imageset` makes, or nothing.

The records are those of Caffe's own tool, byte for byte. Where that tool logs an error and
goes on, or writes label 0, everything that is wrong is told here together.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ssdh_surgery.data import list_problems as kinds
from ssdh_surgery.data.ahead import ahead, default_threads
from ssdh_surgery.data.class_folders import read_class_folders
from ssdh_surgery.data.datum import Shape
from ssdh_surgery.data.image_list import Entry, ImageList, read_list
from ssdh_surgery.data.list_problems import Problem
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.data.names import name_bytes
from ssdh_surgery.data.picture import opencv
from ssdh_surgery.data.record import Record, RecordOptions, Side, make_record, record_key
from ssdh_surgery.errors import DataError, FileError, Finding, Location
from ssdh_surgery.files import read_bytes, write_bytes

Progress = Callable[[int, int], None]
_Numbered = tuple[int, Entry]
_LABELS = "labels.txt"
_AS_IT_IS = RecordOptions()


@dataclass(frozen=True)
class BuildSummary:
    """What was built: records by path, and what was left out.

    `shapes` counts the pictures of each (channels, height, width); after a resumed build
    only those of the last run. `findings` are warnings and, with `skip_bad`, what was
    wrong with the `skipped` lines. `labels_file` names the classes of a folder.
    """

    records: dict[Path, int]
    skipped: int
    shapes: Counter[Shape]
    findings: tuple[Finding, ...]
    labels_file: Path | None = None


def build(
    source: Path | str,
    out: Path | str,
    options: RecordOptions = _AS_IT_IS,
    *,
    root: Path | str = "",
    skip_bad: bool = False,
    resume: bool = False,
    replace: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> BuildSummary:
    """Make an LMDB at `out`, or with a split two beside it (see `split_paths`).

    `source` is a list, whose paths are looked up from `root`, or a folder of class folders,
    whose names go to `labels.txt` beside `out`. `skip_bad` leaves out what is bad instead of
    refusing. `resume` keeps what is done when it is interrupted, and goes on from it.
    `replace` allows LMDBs in the way. `progress` is told pictures done and pictures in all.

    Raises:
        DataError: something is wrong with the list or a picture (`findings` has all of it),
            or no picture is left; nothing was written.
        FileError: the source cannot be read, `out` is taken or cannot be written.
        MissingExtra: OpenCV is not installed.
    """
    images = read_source(source, root)
    with _single_threaded_opencv(), contextlib.ExitStack() as stack:
        job = _Job(images, options, Path(out), skip_bad)
        if images.classes:
            job.check_labels_file(replace)
        for side, path in job.paths.items():
            writer = LmdbWriter(path, replace=replace, resume=resume, recipe=job.recipe())
            job.writers[side] = stack.enter_context(writer)
        job.run(threads or default_threads(), progress)
        job.refuse_if_bad()
        return job.finish()


def read_source(source: Path | str, root: Path | str = "") -> ImageList:
    """A list, or a folder of class folders as one.

    Raises:
        FileError: it cannot be read.
        DataError: it is empty, or not what it should be.
    """
    return read_class_folders(source) if os.path.isdir(source) else read_list(source, root)


def split_paths(out: Path) -> dict[Side, Path]:
    """Where the two sides of a split go: `x_lmdb` becomes `x_train_lmdb`, `x_test_lmdb`."""
    stem = out.name.removesuffix("_lmdb")
    tail = out.name[len(stem) :]
    return {
        "train": out.with_name(f"{stem}_train{tail}"),
        "test": out.with_name(f"{stem}_test{tail}"),
    }


def in_order(images: ImageList, options: RecordOptions) -> list[_Numbered]:
    """The pictures in the order of their records, with the numbers of their keys.

    Unshuffled, the number is the list's line, counted from 0, bad lines included; a
    shuffled list is numbered anew.
    """
    if not options.shuffle:
        return [(entry.line_id, entry) for entry in images.entries]
    entries = list(images.entries)
    random.Random(options.seed).shuffle(entries)
    return list(enumerate(entries))


@dataclass
class _Job:
    """One build while it runs."""

    images: ImageList
    options: RecordOptions
    out: Path
    skip_bad: bool
    writers: dict[Side, LmdbWriter] = field(default_factory=dict)
    shapes: Counter[Shape] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.order = in_order(self.images, self.options)
        self.problems = list(self.images.problems)
        self.bad = self.images.errors
        self.paths: dict[Side, Path] = {"train": self.out}
        if self.options.split is not None:
            self.paths = split_paths(self.out)

    def recipe(self) -> str:
        """What must be the same when a build is resumed."""
        root = os.path.abspath(self.images.root)
        digest = hashlib.sha256(name_bytes(f"{self.options} {root}"))
        for number, entry in self.order:
            digest.update(b"\0%d %d %s" % (number, entry.label, name_bytes(entry.path)))
        return digest.hexdigest()

    def run(self, threads: int, progress: Progress | None) -> None:
        """Make all records; once one is known to be bad, only look for what else is."""
        last = {side: _number(writer.last_key) for side, writer in self.writers.items()}
        left = [item for item in self.order if item[0] > min(last.values())]
        done = len(self.order) - len(left)
        for (number, entry), made in zip(left, ahead(self._make, left, threads), strict=True):
            if isinstance(made, Problem):
                self.problems.append(made)
                self.bad += 1
            else:
                self.shapes[made.shape] += 1
                if self._is_good() and number > last[made.side]:
                    key = record_key(number, name_bytes(entry.path))
                    self.writers[made.side].put(key, made.data)
            done += 1
            if progress is not None:
                progress(done, len(self.order))

    def _make(self, item: _Numbered) -> Record | Problem:
        entry = item[1]
        try:
            return make_record(self.images.file(entry), entry.label, self.options)
        except (DataError, FileError) as error:
            return self.images.unreadable(entry, error)

    def _is_good(self) -> bool:
        return self.skip_bad or not self.bad

    def refuse_if_bad(self) -> None:
        """End the build if something is wrong, or if nothing is left."""
        where = Location(self.images.source)
        found = kinds.findings(self.problems, self.images.source)
        if not self._is_good():
            total = len(self.images.entries) + self.images.errors
            raise DataError(
                f"{self.bad:,} of {total:,} pictures cannot be used; nothing was written",
                location=where,
                hint="--skip-bad writes without them",
                findings=found,
            )
        for side, writer in self.writers.items():
            if not writer.records:
                which = "" if self.options.split is None else f" for the {side} side"
                raise DataError(f"no picture is left{which}", location=where, findings=found)

    def finish(self) -> BuildSummary:
        """Bring everything to the disk, so that only renaming is left to do."""
        for writer in self.writers.values():
            writer.commit()
        labels_file = None
        if self.images.classes:
            labels_file = self.labels_file()
            write_bytes(labels_file, self._labels())
        records = {path: self.writers[side].records for side, path in self.paths.items()}
        problems = [*self.problems, *self._several_sizes()]
        return BuildSummary(
            records=records,
            skipped=len(self.order) + self.images.errors - sum(records.values()),
            shapes=self.shapes,
            findings=kinds.findings(problems, self.images.source),
            labels_file=labels_file,
        )

    def _several_sizes(self) -> list[Problem]:
        if len(self.shapes) < 2:
            return []
        common = self.shapes.most_common()
        return [
            Problem(kinds.SEVERAL_SIZES, None, f"{count:,} of {' x '.join(map(str, shape))}")
            for shape, count in common
        ]

    def labels_file(self) -> Path:
        """Where the names of the classes go."""
        return self.out.with_name(_LABELS)

    def check_labels_file(self, replace: bool) -> None:
        """Refuse early to replace a `labels.txt` that says something else."""
        file = self.labels_file()
        if file.exists() and not replace and read_bytes(file) != self._labels():
            raise FileError(
                "exists already, with other classes",
                location=Location(str(file)),
                hint="--force replaces it",
            )

    def _labels(self) -> bytes:
        return b"".join(name_bytes(name) + b"\n" for name in self.images.classes)


def _number(key: bytes | None) -> int:
    """The number that a key begins with, -1 where there is none yet."""
    return -1 if key is None else int(key.partition(b"_")[0])


@contextlib.contextmanager
def _single_threaded_opencv() -> Iterator[None]:
    """Each picture has a thread already: more of them for one only get in the way."""
    cv2 = opencv()
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
