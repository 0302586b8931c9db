"""An LMDB from a list or a folder of pictures: what `convert_imageset` makes, or nothing.

The records are those of Caffe's own tool, byte for byte. Several labels for each picture go to
a second LMDB with the same keys, whose records are vectors, as multi-label nets read them by a
Data layer of their own, or to an HDF5 file with as many rows. Where that tool logs an error and
goes on, or writes label 0, everything that is wrong is told here together.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from ssdh_surgery.data.build_job import BuildJob, BuildSummary, LabelsAs, Progress
from ssdh_surgery.data.build_paths import (
    refuse_label_files,
    refuse_other_names,
    vectors_path,
)
from ssdh_surgery.data.class_folders import read_class_folders
from ssdh_surgery.data.image import opencv
from ssdh_surgery.data.image_list import ImageList, read_list
from ssdh_surgery.data.list_line import SeveralLabels
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.data.parallel import default_threads
from ssdh_surgery.data.record import RecordOptions
from ssdh_surgery.errors import DataError
from ssdh_surgery.files import read_named
from ssdh_surgery.location import Location

_AS_IT_IS = RecordOptions()


def build(
    source: Path | str,
    out: Path | str,
    options: RecordOptions = _AS_IT_IS,
    *,
    root: Path | str = "",
    several: SeveralLabels | None = None,
    labels_as: LabelsAs = "lmdb",
    skip_bad: bool = False,
    resume: bool = False,
    replace: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> BuildSummary:
    """Make an LMDB at `out`, or with a split two beside it (see `split_paths`).

    `source` is a list, whose paths are looked up from `root`, or a folder of class folders,
    whose names go to `labels.txt` beside `out`. `several` says how the lines of a list are read
    that have several labels: their vectors go to LMDBs beside (see `vectors_path`), or, by
    `labels_as`, to HDF5 files with their lists (see `label_file`). `skip_bad`
    leaves out what is bad instead of refusing. `resume` keeps what is done when it is
    interrupted, and goes on from it.
    `replace` allows LMDBs in the way. `progress` is told pictures done and pictures in all.

    Raises:
        DataError: something is wrong with the list or a picture (`findings` has all of it),
            or no picture is left; nothing was written.
        FileError: the source cannot be read, `out` is taken or cannot be written.
        MissingExtra: OpenCV is not installed.
    """
    images = read_source(source, root, several)
    with _single_threaded_opencv(), contextlib.ExitStack() as stack:
        job = BuildJob(images, options, Path(out), skip_bad, labels_as)
        if not replace:
            refuse_other_names(job.out, images.classes)
        if job.vectors and labels_as == "hdf5":
            refuse_label_files(job.paths.values(), replace=replace)
        for side, path in job.paths.items():
            each = (path, vectors_path(path)) if several and labels_as == "lmdb" else (path,)
            job.writers[side] = [
                stack.enter_context(
                    LmdbWriter(place, replace=replace, resume=resume, recipe=job.recipe())
                )
                for place in each
            ]
        job.run(threads or default_threads(), progress)
        job.refuse_if_bad()
        return job.finish()


def read_source(
    source: Path | str, root: Path | str = "", several: SeveralLabels | None = None
) -> ImageList:
    """A list (`-` is that of the standard input), or a folder of class folders as one.

    Raises:
        FileError: it cannot be read.
        DataError: it is empty, or not what it should be; several labels of a folder.
    """
    if not os.path.isdir(source):
        name, data = read_named(source)
        return read_list(name, root, several, data=data)
    if several is not None:
        raise DataError(
            "a folder of class folders has one label for each picture, and several are asked for",
            location=Location(str(source)),
            hint="write a list: a path and its labels on each line",
        )
    return read_class_folders(source)


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
