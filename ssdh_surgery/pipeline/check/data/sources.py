"""SSDH1xx: sources and means that do not exist, and databases of another backend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from glob import escape
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.data.leveldb.store import is_leveldb
from ssdh_surgery.findings import (
    NO_DATABASE,
    NO_MEAN_FILE,
    NO_SOURCE,
    WRONG_BACKEND,
    Finding,
    FindingRule,
)
from ssdh_surgery.pipeline.check.data.layer_paths import (
    has_wrong_backend,
    path_of,
    setting_entry,
    shell_text,
    stated_backend,
    text_of,
)
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.path_hints import path_hint
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.verbs.data_layers import SOURCES


def findings(subject: Subject) -> Iterator[Finding]:
    """The findings about the files and databases that each net reads."""
    for net, state in subject.nets:
        for layer in net.layers_in(state):
            yield from _mean(layer, subject)
            if layer.type == "Data":
                yield from _database(layer, subject)
            elif layer.type in SOURCES:
                yield from _file(layer, subject)


def _mean(layer: Layer, subject: Subject) -> Iterator[Finding]:
    entry = setting_entry(layer, "transform_param", "mean_file")
    if entry and not path_of(entry, subject.folder).is_file():
        yield _missing(NO_MEAN_FILE, "mean file", entry, subject)


def _file(layer: Layer, subject: Subject) -> Iterator[Finding]:
    entry = setting_entry(layer, SOURCES[layer.type], "source")
    if entry and (path := path_of(entry, subject.folder)).is_dir():
        yield NO_SOURCE.at(
            entry.location,
            f"the source is a folder, not a list: {shell_text(path)}",
            f"layer '{layer.name}' ({layer.type}) reads a text; a database is read by type: "
            "\"Data\", and 'ssdh data build' makes one of a folder of images",
        )
    elif entry and not path.is_file():
        yield _missing(NO_SOURCE, "source", entry, subject)


def _missing(rule: FindingRule, what: str, entry: Entry, subject: Subject) -> Finding:
    name, folder = text_of(entry), subject.folder
    hints = []
    if spelling := path_hint(name, folder):
        hints.append(spelling)
    elif not Path(name).is_absolute():
        hints.append(f"paths in a net start at caffe's working directory: {folder}")
    if not spelling and (place := _elsewhere(name, subject)):
        path = os.path.relpath(place, folder)
        hints.append(f"there is one at {shell_text(place)}: write '{path}'")
    return rule.at(
        entry.location,
        f"the {what} does not exist: {shell_text(path_of(entry, folder))}",
        "; ".join(hints) or None,
    )


def _elsewhere(name: str, subject: Subject) -> Path | None:
    """The place where a file or folder is that a net names, but not from caffe's directory.

    It is looked up from every directory that caffe may run in; and, by its last part only, in
    the folders next to the solver, the net and the user, and one level below.
    """
    files = [Path(subject.solver.file), *(Path(net.file) for net, _ in subject.nets)]
    folders = [folder for file in files for folder in working_folders(file)]
    near = [Path.cwd(), *(Path(os.path.abspath(file)).parent for file in files), subject.folder]
    last = Path(name.rstrip("/")).name
    candidates = [folder / name for folder in folders]
    candidates += [folder / last for folder in near]
    candidates += [path for folder in near for path in sorted(folder.glob(f"*/{escape(last)}"))]
    return next((path for path in candidates if last and path.exists()), None)


def _database(layer: Layer, subject: Subject) -> Iterator[Finding]:
    entry = setting_entry(layer, "data_param", "source")
    if entry is None:
        return
    path = path_of(entry, subject.folder)
    if not path.exists():
        yield _missing(NO_DATABASE, "database", entry, subject)
        return
    if has_wrong_backend(layer, path):
        backend, stated = setting_entry(layer, "data_param", "backend"), stated_backend(layer)
        actual, other = ("a LevelDB", "LEVELDB") if is_leveldb(path) else ("an LMDB", "LMDB")
        yield WRONG_BACKEND.at(
            (backend or entry).location,
            f"{path} is {actual}, but layer '{layer.name}' reads it as "
            + (stated or "LEVELDB, Caffe's default"),
            f"write backend: {other} in its data_param",
        )
