"""The names of snapshots: `PREFIX_iter_N.caffemodel` and `PREFIX_iter_N.solverstate`, or `.h5`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

SnapshotFile = Literal["caffemodel", "solverstate"]


def snapshot_name(
    prefix: Path | str, iteration: int | str, file: SnapshotFile, *, is_hdf5: bool = False
) -> str:
    """The name that Caffe gives to a file of a snapshot.

    >>> snapshot_name("run/small", 500, "solverstate", is_hdf5=True)
    'run/small_iter_500.solverstate.h5'
    """
    return f"{prefix}_iter_{iteration}.{file}{'.h5' if is_hdf5 else ''}"


def snapshots_on_disk(prefix: Path, file: SnapshotFile) -> list[tuple[int, Path]]:
    """The files of a prefix with their iterations, in ascending order."""
    pattern = re.compile(rf"{re.escape(prefix.name)}_iter_([0-9]+)\.{file}(\.h5)?")
    try:
        names = os.listdir(prefix.parent)
    except OSError:
        return []
    matches = [match for name in names if (match := pattern.fullmatch(name))]
    return sorted((int(match[1]), prefix.with_name(match[0])) for match in matches)


def iteration_of(path: Path) -> int:
    """The iteration in the name of a snapshot's file."""
    match = re.search(r"_iter_([0-9]+)\.[a-z]+(\.h5)?$", path.name)
    assert match, "the file has the name of a snapshot"
    return int(match[1])


def weights_beside(state: Path) -> Path:
    """The weights of the same snapshot as a solverstate."""
    return state.with_name(re.sub(r"\.solverstate(?=(\.h5)?$)", ".caffemodel", state.name))


def state_beside(weights: Path) -> Path:
    """The solverstate of the same snapshot as weights."""
    return weights.with_name(re.sub(r"\.caffemodel(?=(\.h5)?$)", ".solverstate", weights.name))
