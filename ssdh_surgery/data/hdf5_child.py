"""Describe HDF5 files, with their labels: a program that `hdf5_contents` runs, file by file.

It reads a job from standard input and answers in lines of JSON. It imports nothing of this
package, so that it starts quickly.
"""

from __future__ import annotations

import importlib
import json
import math
import resource
import signal
import sys
from typing import Any

# What is wrong in a file, or what its damage makes of it.
_WRONG = (OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError)
_NAMES = ("INTEGER", "FLOAT", "STRING", "BITFIELD", "OPAQUE", "COMPOUND", "REFERENCE", "ENUM")


def described(item: Any) -> tuple[tuple[int, ...] | None, str]:
    """The shape of an object of h5py, None for a group, and the class of its type."""
    h5py = importlib.import_module("h5py")
    if not isinstance(item, h5py.Dataset):
        return None, ""
    number = item.id.get_type().get_class()
    kinds = {getattr(h5py.h5t, name): name.lower() for name in _NAMES}
    return tuple(map(int, item.shape or ())), kinds.get(number, "of variable length")


def _labels(item: Any, most_values: int, most_labels: int) -> list[Any] | None:
    """The different labels as Caffe casts them, their counts and first rows; number and runs."""
    import numpy as np

    per_row = item.size // len(item)
    values = item[: max(1, most_values // per_row)].ravel().astype(np.float64)
    # A C++ compiler makes the smallest integer of a number that is none.
    integers = np.trunc(np.nan_to_num(values, nan=-(2.0**31)))
    labels, first, counts = np.unique(integers, return_index=True, return_counts=True)
    if len(labels) > most_labels:
        return None
    return [
        [int(label) for label in labels],
        counts.tolist(),
        (first // per_row).tolist(),
        int(item.size),
        1 + int(np.count_nonzero(np.diff(integers))),
    ]


def _answer(path: str, tops: dict[str, bool], limits: tuple[int, int]) -> dict[str, Any]:
    """What is in a file; `tops` are those to be read, and whether also with long rows."""
    h5py = importlib.import_module("h5py")
    datasets: dict[str, Any] = {}
    labels: dict[str, Any] = {}
    with h5py.File(path, "r") as file:
        for name in file:
            try:
                datasets[name] = described(file[name])
            except _WRONG:
                if name in tops:
                    raise
        for top, has_long_rows in tops.items():
            shape, kind = datasets.get(top, (None, ""))
            is_read = shape and 0 not in shape and kind in ("integer", "float")
            if is_read and (has_long_rows or math.prod(shape[1:]) == 1):
                labels[top] = _labels(file[top], *limits)
    return {"datasets": datasets, "labels": labels}


def main() -> None:
    """Answer the job on standard input: two lines for each file, before and after it is read."""
    tops, files, memory, *limits = json.load(sys.stdin)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    for path, seconds in files:
        _say([path])
        signal.alarm(seconds)
        try:
            answer = _answer(path, tops, (limits[0], limits[1]))
        except _WRONG as error:
            answer = {"error": " ".join(str(error.args[0] if error.args else error).split())}
        signal.alarm(0)
        _say([path, answer])


def _say(line: list[Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
