"""`ssdh data mean`: the mean of a database, a list or a folder, its file, and other forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery.data.build import read_source
from ssdh_surgery.data.compute_mean import database_mean, list_mean
from ssdh_surgery.data.leveldb.store import is_leveldb
from ssdh_surgery.data.mean_file import (
    Mean,
    channel_means,
    mean_of_values,
    read_mean_file,
    sized,
    write_mean_file,
)
from ssdh_surgery.data.open_records import is_database
from ssdh_surgery.errors import UsageError
from ssdh_surgery.files import refuse_existing

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DataMean:
    """A mean, [C, H, W] or [C], and the file that it was written to, if any.

    `records` is the number of images that it is of, None for one that was converted.
    """

    values: Mean
    records: int | None = None
    file: Path | None = None

    @property
    def channels(self) -> tuple[float, ...]:
        """The mean of each channel, for `mean_value`."""
        return channel_means(self.values)

    def as_json(self) -> dict[str, Any]:
        """The answer of `data mean --json`."""
        return {
            "file": str(self.file) if self.file else None,
            "records": self.records,
            "shape": list(self.values.shape),
            "channels": list(self.channels),
        }


def data_mean(
    source: Path,
    out: Path | None = None,
    *,
    root: str = "",
    size: tuple[int, int] | None = None,
    gray: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> DataMean:
    """Compute the mean of all images, and write it to `out`.

    Args:
        source: an LMDB, a LevelDB, a list, or a folder of class folders.
        out: the mean file; None writes none.
        root: the folder that a list's paths are relative to.
        size: the (width, height) that images are resized to; records keep their size.
        gray: read images in gray.
        force: replace an existing file.
        progress: called with the number of images done, and of all.

    Raises:
        FileError: a file cannot be read, or `out` exists or cannot be written.
        DataError: images or records are damaged, or differ in size.
        UsageError: `root`, `size` or `gray` for a database.
        MissingExtra: images need OpenCV, which is not installed.
    """
    has_records = is_database(source)
    if has_records and (root or size or gray):
        kind = "a LevelDB" if is_leveldb(source) else "an LMDB"
        raise UsageError(
            f"--root, --resize and --gray are for images, but {source} is {kind}, whose records "
            "are used unchanged",
            hint="ssdh data mean --help",
        )
    if out is not None:
        refuse_existing(out, force=force, inputs=[source, source / "data.mdb"])
    if has_records:
        mean = database_mean(source, progress=progress)
    else:
        mean = list_mean(read_source(source, root), size=size, gray=gray, progress=progress)
    if out is not None:
        write_mean_file(out, mean.values)
    return DataMean(mean.values, mean.records, out)


def convert_mean(
    source: str,
    out: Path | None = None,
    *,
    size: tuple[int, int] | None = None,
    force: bool = False,
) -> DataMean:
    """Write a mean in another form: an array of NumPy where `out` ends in `.npy`, else Caffe's.

    Args:
        source: a binaryproto, an .npy or .npz, or values for the channels such as `104,117,123`.
        out: the file; None writes none.
        size: the (width, height) of the image that is made of values.
        force: replace an existing file.

    Raises:
        FileError: a file cannot be read, or `out` exists or cannot be written.
        DataError: the source holds no mean, or Caffe's form needs a size.
        UsageError: a size for an image.
    """
    is_file = Path(source).exists()
    values = None if is_file else mean_of_values(source)
    if out is not None:
        refuse_existing(out, force=force, inputs=[source if values is None else None])
    mean = read_mean_file(source) if values is None else values
    if size is not None:
        if mean.ndim == 3:
            raise UsageError(
                f"--resize is for values, but {source} is a mean image of "
                f"{mean.shape[2]}x{mean.shape[1]}",
                hint="ssdh data mean --help",
            )
        mean = sized(mean, size)
    if out is not None:
        write_mean_file(out, mean)
    return DataMean(mean, None, out)
