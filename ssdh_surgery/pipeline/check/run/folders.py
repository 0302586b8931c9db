"""SSDH513: relative paths that no single working directory of caffe finds all of."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ssdh_surgery.caffe.net.layer import Layer
from ssdh_surgery.findings import NO_COMMON_FOLDER, Finding
from ssdh_surgery.location import path_in_shell
from ssdh_surgery.pipeline.check.subject import Subject
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.workspace.paths import relative_to_cwd
from ssdh_surgery.prototxt.cst import Entry
from ssdh_surgery.surgery.verbs.data_layers import SOURCES

# Paths that a message names.
_NAMED = 3


@dataclass(frozen=True)
class _RelativePath:
    """A relative path in a solver or a net, and its entry."""

    text: str
    entry: Entry


def findings(subject: Subject) -> Iterator[Finding]:
    """The directories from which the paths are found, where caffe's own misses some of them."""
    folders = _folders(subject)
    nets = [_RelativePath(each.path, each.entry) for each in subject.solver.nets]
    nets = [each for each in nets if _is_relative(each.text)]
    # What is found from nowhere is no question of directories.
    data = [path for path in _data_paths(subject) if any(_exists(each, path) for each in folders)]
    snapshots = [path for path in _snapshot_folder(subject) if not _exists(subject.folder, path)]
    whole = next((each for each in folders if _finds_all(each, [*nets, *data, *snapshots])), None)
    missing = [path for path in data if not _exists(subject.folder, path)]
    # The folder of the snapshots can be made anywhere: alone it says nothing of the directory.
    missing += snapshots if whole is not None and nets else []
    if not missing:
        return
    place, here = missing[0].entry.location, _in_shell(subject.folder)
    present = [path for path in (*nets, *data) if _exists(subject.folder, path)]
    if whole is not None:
        there = _in_shell(whole)
        yield NO_COMMON_FOLDER.at(
            place,
            f"caffe runs in {here} and does not find {_names(missing)} from there; from {there} "
            f"{'all paths are' if present else 'it is'} found",
            f"run it from there: cd {shlex.quote(there)}",
        )
        return
    best = max(folders, key=lambda folder: sum(_exists(folder, each) for each in missing))
    others = [each for each in missing if _exists(best, each)]
    rest = present or [each for each in data if each not in others]
    where = here if present else _in_shell(next(each for each in folders if _exists(each, rest[0])))
    yield NO_COMMON_FOLDER.at(
        place,
        f"no single working directory finds all paths: {_names(rest)} from {where}, "
        f"{_names(others)} from {_in_shell(best)}",
        f"write the paths as seen from {here}: '{_seen_from(subject, best, others[0])}'",
    )


def _snapshot_folder(subject: Subject) -> list[_RelativePath]:
    """The folder of `snapshot_prefix`."""
    entry = subject.solver.root.entry("snapshot_prefix")
    folder = os.path.dirname(subject.solver.string("snapshot_prefix"))
    return [_RelativePath(folder, entry)] if entry and _is_relative(folder) else []


def _folders(subject: Subject) -> list[Path]:
    """The directories that caffe may run in."""
    files = [Path(subject.solver.file), *(Path(net.file) for net, _ in subject.nets)]
    return list(dict.fromkeys(folder for file in files for folder in working_folders(file)))


def _data_paths(subject: Subject) -> list[_RelativePath]:
    """The relative paths of sources and mean files in all nets."""
    layers: list[Layer] = []
    for net, state in subject.nets:
        layers += [layer for layer in net.layers_in(state) if layer.type in SOURCES]
    paths: dict[str, _RelativePath] = {}
    for layer in layers:
        entries = layer.settings(SOURCES[layer.type], "source")
        for entry in (*entries, *layer.settings("transform_param", "mean_file")):
            text = entry.field.parent.string(entry.field.name)
            if _is_relative(text):
                paths.setdefault(text, _RelativePath(text, entry))
    return list(paths.values())


def _is_relative(text: str) -> bool:
    return bool(text) and not text.startswith(("/", "~"))


def _exists(folder: Path, path: _RelativePath) -> bool:
    return (folder / path.text).exists()


def _finds_all(folder: Path, paths: list[_RelativePath]) -> bool:
    return all(_exists(folder, each) for each in paths)


def _seen_from(subject: Subject, folder: Path, path: _RelativePath) -> str:
    return os.path.relpath(folder / path.text, subject.folder)


def _names(paths: list[_RelativePath]) -> str:
    names = [f"'{each.text}'" for each in paths[:_NAMED]]
    return ", ".join(names) + (f" and {len(paths) - _NAMED} more" if paths[_NAMED:] else "")


def _in_shell(path: Path) -> str:
    return path_in_shell(str(relative_to_cwd(path)))
