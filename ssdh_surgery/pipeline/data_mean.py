"""`ssdh data mean`: the mean of a database, a list or a folder, and a mean file of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdh_surgery.data.build import read_source
from ssdh_surgery.data.compute_mean import database_mean, list_mean
from ssdh_surgery.data.leveldb.store import is_leveldb
from ssdh_surgery.data.mean import ImageMean, write_mean
from ssdh_surgery.data.open_records import is_database
from ssdh_surgery.errors import UsageError
from ssdh_surgery.files import refuse_existing

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class DataMean:
    """A mean, and the file that it was written to, if any."""

    mean: ImageMean
    file: Path | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer of `data mean --json`."""
        return {
            "file": str(self.file) if self.file else None,
            "records": self.mean.records,
            "shape": list(self.mean.values.shape),
            "channels": list(self.mean.channels),
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
        write_mean(out, mean.values)
    return DataMean(mean, out)
