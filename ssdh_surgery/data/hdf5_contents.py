"""The datasets of HDF5 files and the labels in them, read by a child process.

A few changed bytes make libhdf5 hang or crash, and importing h5py takes a while: a child with a
limit of time and memory reads what is needed, and no more of the data than that.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ssdh_surgery.data import hdf5_child
from ssdh_surgery.data.hdf5_source import Dataset

# Seconds for a file, and the bytes per second that the slowest disk reads.
_SECONDS, _RATE = 10, 10 << 20
_BYTES = 4 << 30
# How many values of a dataset are read as labels, and how many different ones a file may have.
_MOST_LABELS, _MOST_CLASSES = 4_000_000, 100_000
# A file that crashes or hangs the child ends it, and the next child goes on behind it.
_MOST_CHILDREN = 3


@dataclass(frozen=True)
class FileLabels:
    """The labels in a dataset.

    Attributes:
        counts: how often each occurs.
        first_rows: the first row of each.
        total: the number of labels, of which the first were read.
        runs: how many times another label follows, counting the first.
    """

    counts: Counter[int]
    first_rows: dict[int, int]
    total: int
    runs: int


@dataclass(frozen=True)
class Hdf5Contents:
    """What a file holds; `error` says why it cannot be read."""

    datasets: dict[str, Dataset] = field(default_factory=dict)
    labels: dict[str, FileLabels] = field(default_factory=dict)
    error: str | None = None


def can_read() -> bool:
    """Whether the library that reads HDF5 is installed."""
    return find_spec("h5py") is not None


def hdf5_contents(
    paths: Sequence[Path], tops: Sequence[str], maps: Sequence[str] = ()
) -> list[Hdf5Contents]:
    """What is in some files, with the labels of the datasets that have one value in each row.

    `maps` are the tops with several labels in each row, which are read as well.
    """
    identities = tuple(_identity(path) for path in paths)
    return list(_contents(identities, tuple((top, top in maps) for top in tops)))


def _identity(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return os.path.abspath(path), -1, -1
    return os.path.abspath(path), status.st_size, status.st_mtime_ns


@lru_cache(maxsize=16)
def _contents(
    files: tuple[tuple[str, int, int], ...], tops: tuple[tuple[str, bool], ...]
) -> tuple[Hdf5Contents, ...]:
    seconds = {path: _SECONDS + max(0, size) // _RATE for path, size, _ in files}
    results: dict[str, Hdf5Contents] = {}
    for _ in range(_MOST_CHILDREN):
        rest = {path: limit for path, limit in seconds.items() if path not in results}
        if not rest:
            break
        results |= _of_child(rest, dict(tops))
    return tuple(results.get(path, Hdf5Contents(error="was not read")) for path, _, _ in files)


def _of_child(seconds: dict[str, int], tops: dict[str, bool]) -> dict[str, Hdf5Contents]:
    """What one child reads: all files, or those up to one that ends it."""
    job = [tops, list(seconds.items()), _BYTES, _MOST_LABELS, _MOST_CLASSES]
    # Threads of BLAS, which nothing here needs, would count as memory.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    child = subprocess.run(
        [sys.executable, "-P", hdf5_child.__file__],
        input=json.dumps(job).encode(),
        env=environment,
        capture_output=True,
        check=False,
    )
    results: dict[str, Hdf5Contents] = {}
    pending: str | None = None
    for line in child.stdout.splitlines():
        path, *answer = json.loads(line)
        pending = None if answer else path
        if answer:
            results[path] = _answer(answer[0])
    if pending is not None:
        results[pending] = Hdf5Contents(error=_end(child.returncode, seconds[pending]))
    elif child.returncode:
        # h5py cannot be imported: the last line says why.
        reason = child.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        results |= {path: Hdf5Contents(error=f"cannot be read: {reason}") for path in seconds}
    return results


def _answer(answer: dict[str, Any]) -> Hdf5Contents:
    if "error" in answer:
        return Hdf5Contents(error=f"is no HDF5 file, or damaged: {answer['error']}")
    datasets = {
        name: Dataset(None if shape is None else tuple(shape), kind)
        for name, (shape, kind) in answer["datasets"].items()
    }
    labels = {
        top: FileLabels(
            Counter(dict(zip(values[0], values[1], strict=True))),
            dict(zip(values[0], values[2], strict=True)),
            *values[3:],
        )
        for top, values in answer["labels"].items()
        if values is not None
    }
    return Hdf5Contents(datasets, labels)


def _end(status: int, seconds: int) -> str:
    """Why a child ended in the middle of a file."""
    if status == -signal.SIGALRM:
        return f"is damaged: it cannot be read in {seconds} s"
    if status < 0:
        return f"is damaged: reading it crashes ({signal.Signals(-status).name})"
    return "cannot be read"
