"""The paths in the layers of a net: their fields, the files that they name, and their texts."""

from __future__ import annotations

from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.leveldb.store import is_leveldb
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.prototxt.cst import Entry


def setting_entry(layer: Layer, message: str, name: str) -> Entry | None:
    """The field of a layer in any dialect; of several the last, which counts."""
    entries = layer.settings(message, name)
    return entries[-1] if entries else None


def stated_backend(layer: Layer) -> str:
    """The backend that a Data layer names; empty where it leaves that to Caffe."""
    entry = setting_entry(layer, "data_param", "backend")
    return entry.field.parent.string("backend") if entry else ""


def has_wrong_backend(layer: Layer, path: Path) -> bool:
    """Whether a Data layer opens a database with the library of the other kind."""
    return is_leveldb(path) == (stated_backend(layer) in ("LMDB", "1"))


def text_of(entry: Entry) -> str:
    """The string of a field."""
    return entry.field.parent.string(entry.field.name)


def path_of(entry: Entry, folder: Path) -> Path:
    """The path in a field, looked up from a folder, as seen from the current directory."""
    return relative_to_cwd(folder / text_of(entry))


def shell_text(path: Path) -> str:
    """A path as the user's shell takes it."""
    return path_in_shell(str(relative_to_cwd(path)))
