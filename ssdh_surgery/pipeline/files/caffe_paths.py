"""The directory that caffe runs in: the first from which a solver's nets are there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import FileError


def launch_folder(solver: Solver, path: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """The first folder from which every net field of a solver names an existing file.

    In this order: the current directory and its parents, the solver's folder and its
    parents, `$CAFFE_ROOT`. A solver that names no file can run anywhere: here.

    Raises:
        FileError: there is none; the folders that were tried are listed.
    """
    names = [reference.path for reference in solver.nets]
    tried = list(dict.fromkeys(_candidates(path, environ)))
    for folder in tried:
        if all((folder / name).is_file() for name in names):
            return folder
    first = solver.nets[0]
    listed = "\n".join(f"  {folder}" for folder in tried)
    raise FileError(
        f"caffe reads the solver's paths from the directory that it runs in, and from none of "
        f"these is there a file '{first.path}':\n{listed}",
        location=first.entry.location,
        hint="correct the path: ssdh patch --set net=..., or edit the solver",
    )


def _candidates(solver: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    here = Path.cwd()
    yield from (here, *here.parents)
    # As it was named first: a link's own folder comes before that of what it points to.
    folder = Path(os.path.abspath(solver)).parent
    yield from (folder, *folder.parents)
    if root := environ.get("CAFFE_ROOT"):
        yield Path(root).absolute()


def data_folders(net: Path | None) -> list[Path]:
    """Where the paths of a net's data layers may start: as for a run of caffe on it."""
    here = Path.cwd()
    folders = [here, *here.parents]
    if net is not None:
        folder = Path(os.path.abspath(net)).parent
        folders += [folder, *folder.parents]
    if root := os.environ.get("CAFFE_ROOT"):
        folders.append(Path(root).absolute())
    return list(dict.fromkeys(folders))
