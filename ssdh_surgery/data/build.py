"""Build an LMDB from a list or a folder of images, as `convert_imageset` does, or nothing at all.

The records equal those of Caffe's own tool byte for byte. Several labels per image go to a second
LMDB with the same keys, whose records are label vectors (a multi-label net reads it with a Data
layer of its own), or to an HDF5 file with one row per image. Where Caffe's tool logs an error and
continues, or writes label 0, this reports all problems together and writes nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ssdh_surgery.data.build_job import BuildJob, BuildSummary, LabelsAs, Progress
from ssdh_surgery.data.build_paths import (
    refuse_label_files,
    refuse_new_classes,
    refuse_other_names,
    vectors_path,
)
from ssdh_surgery.data.class_folders import read_class_folders
from ssdh_surgery.data.class_names import ClassNames, class_names_beside, class_names_content
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
    numbering: ClassNames | None = None,
    skip_bad: bool = False,
    resume: bool = False,
    replace: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> BuildSummary:
    """Build an LMDB at `out`, or with a split two next to it (see `split_paths`).

    Args:
        source: a list, or a folder of class folders, whose names go to `labels.txt` next to `out`.
        out: the LMDB.
        options: how the records are made.
        root: the folder that the paths of a list are relative to.
        several: how to read the lines of a list with several labels; the label vectors go to
            LMDBs next to `out` (see `vectors_path`) or to HDF5 files.
        numbering: the labels of the classes of a folder; without names they are numbered anew.
            By default those of `labels.txt` next to `out`, if there is one.
        labels_as: whether label vectors go to LMDBs or to HDF5 files (see `label_file`).
        skip_bad: leave out bad lines and images instead of refusing.
        resume: keep the finished records on an interrupt, and continue from them.
        replace: replace existing LMDBs.
        threads: the number of threads; by default one more than there are processors.
        progress: is called with the number of images so far and in total.

    Raises:
        DataError: the list or an image has problems (`findings` has all of them), or no image
            is left, or a folder has classes that the numbering lacks; nothing was written.
        FileError: the source cannot be read, or `out` exists or cannot be written.
        MissingExtra: OpenCV is not installed.
    """
    names_before = class_names_content(Path(out))
    if numbering is None and os.path.isdir(source):
        numbering = class_names_beside(Path(out))
    numbering = numbering or ClassNames()
    images = read_source(source, root, several, numbering.names)
    refuse_new_classes(str(source), images.classes, numbering)
    with _single_threaded_opencv(), contextlib.ExitStack() as stack:
        job = BuildJob(images, options, Path(out), skip_bad, labels_as, replace, names_before)
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
    source: Path | str,
    root: Path | str = "",
    several: SeveralLabels | None = None,
    numbering: Sequence[str] = (),
) -> ImageList:
    """The image list in a file (`-` is standard input) or of a folder of class folders.

    `numbering` has the names of the classes that have labels already.

    Raises:
        FileError: it cannot be read.
        DataError: it is empty or malformed, or several labels are requested of a folder.
    """
    if not os.path.isdir(source):
        name, data = read_named(source)
        return read_list(name, root, several, data=data)
    if several is not None:
        raise DataError(
            "a folder of class folders has one label per image, and several labels were requested",
            location=Location(str(source)),
            hint="write a list with a path and its labels on each line",
        )
    return read_class_folders(source, numbering)


@contextlib.contextmanager
def _single_threaded_opencv() -> Iterator[None]:
    """Keep OpenCV to one thread per image: the images already run in parallel."""
    cv2 = opencv()
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
