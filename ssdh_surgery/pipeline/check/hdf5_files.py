"""The files of an HDF5Data layer: where they are, and how many rows they have."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.hdf5_contents import can_read, hdf5_contents
from ssdh_surgery.data.hdf5_source import listed_files
from ssdh_surgery.errors import SsdhError
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd

# How many files of a list are looked into.
MOST_FILES = 500


def path_of_file(name: str, folder: Path) -> Path:
    """A file that a list names, which caffe looks up from its working directory `folder`."""
    return relative_to_cwd(folder / name)


def row_count(layer: Layer, folder: Path) -> int | None:
    """The number of rows in all files of a layer, None if it is unknown."""
    try:
        names = listed_files(relative_to_cwd(folder), layer.parameter.hdf5_data_param.source)
    except SsdhError:
        return None
    if len(names) > MOST_FILES or not can_read():
        return None
    rows = 0
    for content in hdf5_contents([path_of_file(name, folder) for name in names], layer.tops):
        dataset = content.datasets.get(layer.tops[0]) if layer.tops else None
        if dataset is None or not dataset.shape:
            return None
        rows += dataset.shape[0]
    return rows
