"""Paths inside a solver: caffe reads them from its working directory, not from the file's.

What a solver calls its net, and where that net really is, say which directory that is; new
paths are written as seen from there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ssdh_surgery.caffe.solver import NetReference, Solver
from ssdh_surgery.errors import FileError
from ssdh_surgery.pipeline.outputs import WritePlan
from ssdh_surgery.prototxt.cst import Entry, Scalar


def working_folder(named: str, real: Path) -> Path | None:
    """The directory from which a path names a file, or None where none does."""
    parts = PurePosixPath(os.path.normpath(named)).parts
    where = real.resolve().parts
    if PurePosixPath(named).is_absolute() or ".." in parts or where[-len(parts) :] != parts:
        return None
    return Path(*where[: -len(parts)])


def names_file(reference: NetReference, path: Path) -> bool:
    """Whether a solver's net field may mean a file: their base names are the same."""
    return PurePosixPath(reference.path).name == path.name


def locate(reference: NetReference, beside: Path, folder: Path | None) -> Path:
    """The file that a net field names: seen from caffe's directory, or beside the solver.

    Raises:
        FileError: there is none.
    """
    candidates = [folder / reference.path] if folder else []
    candidates += [beside / PurePosixPath(reference.path).name, Path(reference.path)]
    for candidate in candidates:
        if candidate.is_file():
            return Path(os.path.relpath(candidate))
    raise FileError(
        f"the solver names '{reference.path}' as {reference.field}, and there is no such file",
        location=reference.entry.location,
        hint="name the file on the command line too, or correct the solver",
    )


@dataclass(frozen=True)
class NewPaths:
    """What a solver's path fields are to say: net fields by their place, and the prefix."""

    nets: Mapping[Entry, str]
    prefix: str


def new_paths(
    solver: Solver, solver_path: Path, nets: Mapping[Entry, tuple[Path, Path]], plan: WritePlan
) -> NewPaths:
    """New paths with the same folder prefix as the old ones, or with `--out`'s folder.

    Args:
        solver: the solver.
        solver_path: its file.
        nets: the file of each net field, before and after the patch.
        plan: the writing options.
    """
    folder = next(
        (
            found
            for entry, (old, _) in nets.items()
            if (found := working_folder(_text(entry), old)) is not None
        ),
        None,
    )
    fields: dict[Entry, str] = {}
    for entry, (_, new) in nets.items():
        if not plan.in_place:
            fields[entry] = _in_folder(_text(entry), new.name, plan, folder)
    return NewPaths(fields, _prefix(solver, solver_path, nets, plan, folder))


def _text(entry: Entry) -> str:
    assert isinstance(entry.value, Scalar), "a net field holds a path"
    return entry.value.string


def _in_folder(old: str, name: str, plan: WritePlan, folder: Path | None) -> str:
    """A file's name behind the folder that the old path has, or behind `--out`'s."""
    if plan.out is None:
        return old[: len(old) - len(PurePosixPath(old).name)] + name
    base = folder or Path.cwd()
    return Path(os.path.relpath(plan.out.resolve() / name, base)).as_posix()


def _prefix(
    solver: Solver,
    solver_path: Path,
    nets: Mapping[Entry, tuple[Path, Path]],
    plan: WritePlan,
    folder: Path | None,
) -> str:
    old = solver.string("snapshot_prefix")
    name = solver_path.stem.removesuffix(plan.suffix) + plan.suffix
    if not old:
        # Caffe itself takes the solver's own name, in the folder that it was called from.
        old = next((_folder_of(_text(entry)) for entry in nets), "") + name
    elif old.endswith("/") or any(
        (base / old).is_dir() for base in (folder, solver_path.parent) if base is not None
    ):
        old = old.rstrip("/") + "/" + name
    elif not old.endswith(plan.suffix):
        old += plan.suffix
    return old if plan.out is None else _in_folder(old, PurePosixPath(old).name, plan, folder)


def _folder_of(path: str) -> str:
    return path[: len(path) - len(PurePosixPath(path).name)]
