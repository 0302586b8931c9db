"""The mean image of a database or of an image list, as `compute_image_mean` computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ssdh_surgery.data import list_problems as kinds
from ssdh_surgery.data.datum import read_datum
from ssdh_surgery.data.image import planar, read_image
from ssdh_surgery.data.image_list import ImageList, ListEntry
from ssdh_surgery.data.list_problems import Problem
from ssdh_surgery.data.mean import ImageMean, image_mean
from ssdh_surgery.data.open_records import open_records
from ssdh_surgery.data.parallel import default_threads, parallel_map
from ssdh_surgery.data.record_store import record_error
from ssdh_surgery.errors import DataError, FileError
from ssdh_surgery.location import Location

Progress = Callable[[int, int], None]


def database_mean(
    path: Path | str, *, threads: int | None = None, progress: Progress | None = None
) -> ImageMean:
    """The mean image of a database, bit for bit; encoded records are decoded.

    Raises:
        DataError: the database is missing, or its records differ in size or are damaged.
        MissingExtra: there are encoded records and OpenCV is not installed.
    """

    def pixels(item: tuple[bytes, bytes]) -> NDArray[Any]:
        key, record = item
        try:
            # The channels of the image: Caffe's tool has no `force_color`.
            return read_datum(record).pixels()
        except DataError as error:
            raise record_error(path, key, error) from error

    with open_records(path) as store:
        images = parallel_map(pixels, store.items(), threads or default_threads())
        return _mean(_counted(images, len(store), progress), str(path))


def list_mean(
    images: ImageList,
    *,
    size: tuple[int, int] | None = None,
    gray: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> ImageMean:
    """The mean of the images of a list, warped to `size` (width, height), as in their LMDB.

    Raises:
        DataError: lines or images have problems (`findings` has all of them), or sizes differ.
        MissingExtra: OpenCV is not installed.
    """
    problems = list(images.problems)

    def pixels(entry: ListEntry) -> NDArray[Any] | Problem:
        try:
            return planar(read_image(images.file(entry), size=size, gray=gray))
        except (DataError, FileError) as error:
            return images.unreadable(entry, error)

    def good(results: Iterable[NDArray[Any] | Problem]) -> Iterator[NDArray[Any]]:
        for result in results:
            if isinstance(result, Problem):
                problems.append(result)
            else:
                yield result
        if any(problem.kind.rule.severity == "error" for problem in problems):
            raise DataError(
                "no mean was computed: some images cannot be used",
                location=Location(images.source),
                findings=kinds.findings(problems, images.source),
            )

    results = parallel_map(pixels, images.entries, threads or default_threads())
    return _mean(good(_counted(results, len(images.entries), progress)), images.source)


def _counted(results: Iterable[Any], total: int, progress: Progress | None) -> Iterator[Any]:
    for finished, result in enumerate(results, 1):
        yield result
        if progress is not None:
            progress(finished, total)


def _mean(images: Iterable[NDArray[Any]], source: str) -> ImageMean:
    try:
        return image_mean(images)
    except DataError as error:
        if error.location is not None:
            raise
        raise DataError(error.message, location=Location(source), hint=error.hint) from error
