"""Read an HDF5 file in a child process first: a few changed bytes make libhdf5 hang or crash.

A hanging libhdf5 cannot be interrupted, not even by Ctrl-C, so the child has a limit of time and
memory. What is merely wrong in the file is left to the reader itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

from ssdh_surgery.errors import DataError
from ssdh_surgery.location import Location

# Seconds for a file, and the bytes per second that the slowest disk reads.
_SECONDS, _RATE = 8, 10 << 20
_BYTES = 4 << 30
_READ_ALL = """
import resource, signal, sys
path, seconds, memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
signal.signal(signal.SIGALRM, signal.SIG_DFL)
signal.alarm(seconds)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
import h5py
def read(item):
    if isinstance(item, h5py.Group):
        for name in item:
            try:
                read(item[name])
            except Exception:
                pass  # wrong, but neither a hang nor a crash
    elif not item.shape:
        item[()]
    else:
        rows = max(1, (16 << 20) // max(1, item.nbytes // max(1, len(item))))
        for start in range(0, len(item), rows):
            item[start : start + rows]
with h5py.File(path, "r") as file:
    read(file)
"""


def probe(path: Path | str) -> None:
    """Refuse a file that libhdf5 cannot read to the end.

    Raises:
        DataError: reading it crashes, or takes longer than any disk does.
    """
    status = os.stat(path)
    _probe(os.path.abspath(path), str(path), status.st_size, status.st_mtime_ns)


@cache
def _probe(file: str, place: str, size: int, _time: int) -> None:
    seconds = _SECONDS + size // _RATE
    command = [sys.executable, "-c", _READ_ALL, file, str(seconds), str(_BYTES)]
    # Threads of BLAS, which nothing here needs, would count as memory.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, check=False)
    if ran.returncode == -signal.SIGALRM:
        raise DataError(f"is damaged: it cannot be read in {seconds} s", location=Location(place))
    if ran.returncode < 0:
        name = signal.Signals(-ran.returncode).name
        raise DataError(f"is damaged: reading it crashes ({name})", location=Location(place))
