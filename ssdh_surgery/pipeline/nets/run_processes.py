"""The processes of runs: whether one that was recorded still runs, and whether a log is written."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_PROCESSES = Path("/proc")
_BOOT = _PROCESSES / "sys/kernel/random/boot_id"
# The access mode in the flags of an open file: 0 is for reading alone.
_ACCESS = 0o3


def process_mark(pid: int) -> dict[str, Any]:
    """What tells a process from a later one with the same number: host, boot and start time."""
    return {"pid": pid, "host": socket.gethostname(), "boot": _boot(), "start": _start(pid)}


def live_pid(mark: Mapping[str, Any] | None) -> int | None:
    """The number of the process of a mark, None if it does not run on this machine."""
    pid = mark.get("pid") if mark else None
    if (
        mark is None
        or not isinstance(pid, int)
        or is_elsewhere(mark)
        or mark.get("boot") != _boot()
    ):
        return None
    if mark.get("start") is not None:
        return pid if _start(pid) == mark.get("start") else None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return pid


def is_elsewhere(mark: Mapping[str, Any] | None) -> bool:
    """Whether the process of a mark was started on another machine."""
    return bool(mark and mark.get("host") != socket.gethostname())


def is_written(log: Path) -> bool:
    """Whether a process has a file open for writing, as far as the system lists it in /proc."""
    try:
        identity = os.stat(log)
    except OSError:
        return False
    for entry in _PROCESSES.glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError, ValueError):
            status = os.stat(entry)
            if (status.st_dev, status.st_ino) != (identity.st_dev, identity.st_ino):
                continue
            text = (entry.parent.parent / "fdinfo" / entry.name).read_text()
            flags = next(line for line in text.splitlines() if line.startswith("flags:"))
            if int(flags.split()[1], 8) & _ACCESS:
                return True
    return False


def _boot() -> str | None:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return None


def _start(pid: int) -> int | None:
    """When a process was started, in the system's ticks since the boot; None if it has ended."""
    try:
        # The name of the program, in brackets, may contain anything.
        fields = (_PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
