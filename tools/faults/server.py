"""A process that has imported ssdh and forks once for each command: a second less per command.

Reads requests from standard input and answers on standard output, a line of JSON each: first the
process id, then the exit code.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import pkgutil
import signal
import sys
import time
import traceback
from typing import Any

import ssdh_surgery
from ssdh_surgery.cli import main as ssdh

_LIBRARIES = ("h5py", "pyarrow.parquet", "cv2", "faiss", "onnx", "onnxruntime", "torch")
SECONDS = 60


def main() -> None:
    """Serve until standard input ends."""
    for name in (*_LIBRARIES, "matplotlib.figure", "tomlkit"):
        importlib.import_module(name)
    for module in pkgutil.walk_packages(ssdh_surgery.__path__, "ssdh_surgery."):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):
                importlib.import_module(module.name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(json.loads(line))
        _answer(child)
        _answer(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _answer(value: int) -> None:
    sys.stdout.write(f"{value}\n")
    sys.stdout.flush()


def _run(request: dict[str, Any]) -> None:
    """Run a command in this process, once it is traced, and end."""
    signal.alarm(SECONDS)
    os.chdir(request["folder"])
    for number, path in enumerate((os.devnull, os.devnull, request["messages"])):
        handle = os.open(path, os.O_RDWR)
        os.dup2(handle, number)
        os.close(handle)
    if request["is_traced"]:
        _await_tracer()
    code: Any = 1
    try:
        ssdh(request["words"])
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def _await_tracer() -> None:
    status = os.open("/proc/self/status", os.O_RDONLY)
    # No traced system call is used, so that counts begin at the same place each time.
    while b"TracerPid:\t0\n" in os.pread(status, 4096, 0):
        time.sleep(0.001)
    os.close(status)


if __name__ == "__main__":
    main()
