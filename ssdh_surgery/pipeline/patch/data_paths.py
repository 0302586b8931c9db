"""Refuse data and a mean that a patch is to write into a net, and that Caffe could not read.

Data that does not exist yet is accepted: it may be built later.
"""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.data.lmdb_open import data_file
from ssdh_surgery.errors import FileError, near_file
from ssdh_surgery.location import Location
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.settings.settings import Settings


def refuse_unreadable(explicit: Settings, net: Path | None) -> None:
    """Refuse paths of a command line, as caffe looks them up.

    Args:
        explicit: the settings of the command line.
        net: the train net; None for standard input and the zoo.

    Raises:
        FileError: the mean file does not exist.
        DataError: the data is a folder, but no database.
    """
    folders = working_folders(net)
    mean = explicit.get("mean_file")
    if mean is not None and not any((folder / mean).is_file() for folder in folders):
        raise FileError(
            "cannot read: no such file",
            location=Location(mean),
            hint=near_file(mean),
            is_missing=True,
        )
    for name in ("train_data", "test_data"):
        source = explicit.get(name)
        if source is not None:
            _refuse_folder(source, folders)


def _refuse_folder(source: str, folders: list[Path]) -> None:
    paths = [folder / source for folder in folders if (folder / source).is_dir()]
    if paths and not any(_is_database(path) for path in paths):
        data_file(Path(source) if Path(source).is_dir() else paths[0])


def _is_database(path: Path) -> bool:
    """Whether a folder holds an LMDB or a LevelDB."""
    return (path / "data.mdb").exists() or (path / "CURRENT").exists()
