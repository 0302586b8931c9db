"""Paths inside a solver, which start at caffe's working directory, not at the solver's folder.

A solver's path of its net and the real place of that net tell which directory that is; new
paths are written relative to it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ssdh_surgery.caffe.net.solver import NetReference, Solver
from ssdh_surgery.errors import FileError
from ssdh_surgery.pipeline.files.caffe_paths import working_folders
from ssdh_surgery.pipeline.files.outputs import WritePlan
from ssdh_surgery.prototxt.cst import Entry, Scalar


def working_folder(named: str, real: Path, solver: Path) -> Path | None:
    """The directory from which a path names a file, or None where none does.

    Args:
        named: the path in the solver.
        real: the file, relative to the current directory.
        solver: the solver's file.
    """
    if PurePosixPath(named).is_absolute():
        return None
    parts = PurePosixPath(os.path.normpath(named)).parts
    where = Path(os.path.abspath(real)).parts
    if ".." not in parts and where[-len(parts) :] == parts:
        return Path(*where[: -len(parts)])
    for folder in working_folders(solver):
        path = folder / named
        if path.is_file() and real.is_file() and path.samefile(real):
            return folder
    return None


def names_file(reference: NetReference, path: Path) -> bool:
    """Whether a solver's net field may mean a file: their base names are equal."""
    return PurePosixPath(reference.path).name == path.name


def locate(reference: NetReference, solver: Path, folder: Path | None) -> Path:
    """The file that a net field names: from a working folder of caffe, or next to the solver.

    Raises:
        FileError: it does not exist.
    """
    folders = [*([folder] if folder else []), *working_folders(solver)]
    candidates = [each / reference.path for each in folders]
    candidates.append(solver.parent / PurePosixPath(reference.path).name)
    for candidate in candidates:
        if reference.path and candidate.is_file():
            return Path(os.path.relpath(candidate))
    raise FileError(
        f"the solver names '{reference.path}' as {reference.field}, but there is no such file",
        location=reference.entry.location,
        hint="name that file on the command line too, or correct the solver",
    )


@dataclass(frozen=True)
class NewPaths:
    """New values for a solver's paths: of its net fields, and the snapshot prefix.

    `notes` name paths that do not lead to the file from any folder.
    """

    nets: Mapping[Entry, str]
    prefix: str
    notes: tuple[str, ...] = ()


def new_paths(
    solver: Solver, solver_path: Path, nets: Mapping[Entry, tuple[Path, Path]], plan: WritePlan
) -> NewPaths:
    """New paths in the folders of the old ones, or in the folder of `--out`.

    Args:
        solver: the solver.
        solver_path: its file.
        nets: the files of each net field, before and after the patch.
        plan: the writing options.
    """
    folders = {
        entry: working_folder(_text(entry), old, solver_path) for entry, (old, _) in nets.items()
    }
    folder = next((each for each in folders.values() if each is not None), None)
    fields: dict[Entry, str] = {}
    notes = []
    for entry, (old, new) in nets.items():
        if not plan.in_place:
            fields[entry] = _in_folder(_text(entry), new.name, plan, folder)
        if folders[entry] is None and not PurePosixPath(_text(entry)).is_absolute():
            notes.append(
                f"'{_text(entry)}' does not lead to {old} from any folder above it: check that "
                "caffe finds it from its working directory"
            )
    prefix = _prefix(solver, solver_path, nets, plan, folder)
    return NewPaths(fields, prefix, tuple(notes))


def _text(entry: Entry) -> str:
    assert isinstance(entry.value, Scalar), "a net field holds a path"
    return entry.value.string


def _in_folder(old: str, name: str, plan: WritePlan, folder: Path | None) -> str:
    """A file name in the folder of the old path, or in that of `--out`."""
    if plan.out is None:
        return _folder_of(old) + name
    new = Path(os.path.abspath(plan.out)) / name
    if PurePosixPath(old).is_absolute():
        return new.as_posix()
    return Path(os.path.relpath(new, folder or Path.cwd())).as_posix()


def _prefix(
    solver: Solver,
    solver_path: Path,
    nets: Mapping[Entry, tuple[Path, Path]],
    plan: WritePlan,
    folder: Path | None,
) -> str:
    old = solver.string("snapshot_prefix")
    name = plan.add_suffix(solver_path.stem)
    if not old:
        # Caffe itself takes the solver's path.
        old = _own_folder(solver_path, nets, folder) + name
    elif old.endswith("/") or any(
        (base / old).is_dir() for base in (folder, solver_path.parent) if base is not None
    ):
        old = old.rstrip("/") + "/" + name
    else:
        old = _folder_of(old) + plan.add_suffix(old.rpartition("/")[2])
    return old if plan.out is None else _in_folder(old, old.rpartition("/")[2], plan, folder)


def _own_folder(
    solver_path: Path, nets: Mapping[Entry, tuple[Path, Path]], folder: Path | None
) -> str:
    """The solver's folder as caffe sees it; where that is unknown, the net's."""
    if folder is None:
        return next((_folder_of(_text(entry)) for entry in nets), "")
    relative = Path(os.path.relpath(os.path.abspath(solver_path.parent), folder)).as_posix()
    return "" if relative == "." else relative + "/"


def _folder_of(path: str) -> str:
    """A path without its last part, with the slash."""
    head, slash, _ = path.rpartition("/")
    return head + slash
