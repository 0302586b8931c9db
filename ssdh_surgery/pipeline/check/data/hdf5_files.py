"""The files of an HDF5Data layer: where they are, their rows, and the labels in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.hdf5_contents import Hdf5Contents, can_read, hdf5_contents
from ssdh_surgery.data.hdf5_source import listed_files
from ssdh_surgery.data.label_counts import LabelCounts
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.pipeline.check.data.images import spread
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

# How many files of a list are looked into.
MOST_FILES = 200


def path_of_file(name: str, folder: Path) -> Path:
    """A file that a list names, which caffe looks up from its working directory `folder`."""
    return relative_to_cwd(folder / name)


@dataclass(frozen=True)
class Hdf5Files:
    """The files that the list of a layer names, of a long one some; `folder` is caffe's.

    `missing` are those that do not exist, `is_complete` tells whether all were looked at.
    """

    layer: Layer
    path: Path
    names: tuple[str, ...]
    missing: tuple[str, ...]
    is_complete: bool
    folder: Path

    def contents(self, maps: Sequence[str] = ()) -> dict[str, Hdf5Contents]:
        """What is in the files that exist.

        The labels of `maps`, the tops that a loss takes, are read from long rows as well.
        """
        names = [name for name in self.names if name not in self.missing]
        paths = [path_of_file(name, self.folder) for name in names]
        contents = hdf5_contents(paths, self.layer.tops)
        if any(
            top in each.datasets and top not in each.labels for each in contents for top in maps
        ):
            contents = hdf5_contents(paths, self.layer.tops, maps)
        return dict(zip(names, contents, strict=True))

    def labels(self, top: str, contents: Mapping[str, Hdf5Contents]) -> LabelCounts:
        """The labels in a dataset of all files."""
        counts: Counter[int] = Counter()
        places: dict[int, str] = {}
        total = 0
        unit = "row"
        for name, content in contents.items():
            if (values := content.labels.get(top)) is None:
                continue
            counts.update(values.counts)
            total += values.total
            shape = content.datasets[top].shape
            if shape and values.total > shape[0]:
                unit = "label"
            for label, row in values.first_rows.items():
                places.setdefault(label, f"row {row} of {name}")
        is_complete = self.is_complete and total == counts.total()
        return LabelCounts(self.path, unit, counts, places, is_complete)


def hdf5_files(layer: Layer, folder: Path) -> Hdf5Files:
    """The files of an HDF5Data layer.

    Raises:
        SsdhError: the list cannot be read, or names no file.
    """
    source = layer.parameter.hdf5_data_param.source
    listed = listed_files(relative_to_cwd(folder), source)
    names = tuple(listed[index] for index in spread(len(listed), MOST_FILES))
    missing = tuple(name for name in names if not path_of_file(name, folder).is_file())
    is_complete = len(names) == len(listed)
    return Hdf5Files(layer, path_of_file(source, folder), names, missing, is_complete, folder)


def label_counts(layer: Layer, top: str, folder: Path) -> LabelCounts | None:
    """The labels in a dataset of all files of a layer, None if they cannot be read."""
    try:
        files = hdf5_files(layer, folder)
    except SsdhError:
        return None
    return files.labels(top, files.contents([top])) if can_read() else None


def row_count(layer: Layer, folder: Path) -> int | None:
    """The number of rows in all files of a layer, None if it is unknown."""
    try:
        files = hdf5_files(layer, folder)
    except SsdhError:
        return None
    if files.missing or not files.is_complete or not can_read():
        return None
    rows = 0
    for content in files.contents().values():
        dataset = content.datasets.get(layer.tops[0]) if layer.tops else None
        if dataset is None or not dataset.shape:
            return None
        rows += dataset.shape[0]
    return rows
