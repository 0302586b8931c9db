"""Where caffe looks: paths inside a solver or a net start at the directory that caffe runs in."""

from __future__ import annotations

import os
from pathlib import Path

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.errors import FileError
from ssdh_surgery.pipeline.files.path_hints import path_hint


def working_folders(file: Path | None) -> list[Path]:
    """The directories that caffe may run in, absolute, the most likely first.

    The current directory and its parents, the folder of `file` (a solver, a net, or the
    workspace; None for standard input and the zoo) and its parents, `$CAFFE_ROOT`.
    """
    here = Path.cwd()
    folders = [here, *here.parents]
    if file is not None:
        # As it is named: a link's own folder comes before that of the file that it points to.
        folder = Path(os.path.abspath(file)).parent
        folders += [folder, *folder.parents]
    if root := os.environ.get("CAFFE_ROOT"):
        folders.append(Path(root).absolute())
    return list(dict.fromkeys(folders))


def launch_folder(solver: Solver, path: Path) -> Path:
    """The first working folder from which every net field of a solver names an existing file.

    A solver that names no file can run anywhere: here.

    Raises:
        FileError: there is none; the folders that were tried are listed.
    """
    names = [reference.path for reference in solver.nets]
    folders = working_folders(path)
    for folder in folders:
        if all((folder / name).is_file() for name in names):
            return folder
    first = solver.nets[0]
    tried = "\n".join(f"  {folder}" for folder in folders)
    raise FileError(
        "caffe looks up the paths in a solver from the directory that it runs in, and none of "
        f"these has a file '{first.path}':\n{tried}",
        location=first.entry.location,
        hint=path_hint(first.path, folders[0])
        or "correct the path: ssdh patch --set net=..., or edit the solver",
    )
