"""The names of snapshots: `PREFIX_iter_N.caffemodel` and `PREFIX_iter_N.solverstate`, or `.h5`.

NVCaffe puts the results of the last test into the name of the weights: `_iter_N_score0_0.71`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from ssdh_surgery.staging.renames import settle

SnapshotFile = Literal["caffemodel", "solverstate"]
_SCORES = r"(?:_score[0-9]+_[-+.0-9a-z]+?)*"


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
    pattern = re.compile(rf"{re.escape(prefix.name)}_iter_([0-9]+){_SCORES}\.{file}(\.h5)?")
    try:
        names = os.listdir(prefix.parent)
    except OSError:
        return []
    matches = [match for name in names if (match := pattern.fullmatch(name))]
    return sorted((int(match[1]), prefix.with_name(match[0])) for match in matches)


def newest_first(prefixes: Iterable[Path], file: SnapshotFile) -> list[Path]:
    """The files of the snapshots of some prefixes, the one that was written last first.

    A run that begins anew starts at iteration 0 again, so the highest iteration may be that of
    an older run.
    """
    prefixes = list(prefixes)
    for prefix in prefixes:
        settle(prefix)
    stamps = {
        path.resolve(): (path.stat().st_mtime_ns, iteration, path)
        for prefix in prefixes
        for iteration, path in snapshots_on_disk(prefix, file)
        if path.is_file()
    }
    return [path for *_, path in sorted(stamps.values(), reverse=True)]


def iteration_of(path: Path) -> int:
    """The iteration in the name of a snapshot's file."""
    match = re.search(rf"_iter_([0-9]+){_SCORES}\.[a-z]+(\.h5)?$", path.name)
    assert match, "the file has the name of a snapshot"
    return int(match[1])


def weights_beside(state: Path) -> Path:
    """The weights of the same snapshot as a solverstate."""
    plain = state.with_name(re.sub(r"\.solverstate(?=(\.h5)?$)", ".caffemodel", state.name))
    if plain.is_file() or (match := re.fullmatch(r"(.*)_iter_([0-9]+)\..*", state.name)) is None:
        return plain
    prefix, iteration = state.with_name(match[1]), int(match[2])
    scored = [path for n, path in snapshots_on_disk(prefix, "caffemodel") if n == iteration]
    return next((path for path in scored if path.suffix == plain.suffix), plain)


def state_beside(weights: Path) -> Path:
    """The solverstate of the same snapshot as weights."""
    name = re.sub(rf"{_SCORES}\.caffemodel(?=(\.h5)?$)", ".solverstate", weights.name)
    return weights.with_name(name)
