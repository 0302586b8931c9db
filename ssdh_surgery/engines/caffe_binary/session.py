"""The process session that caffe runs in: whether its first process has ended, and what is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

_PROCESSES = Path("/proc")


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the first process of a session has ended."""
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def clear(process: subprocess.Popen[bytes]) -> bool:
    """Kill what an ended process left in its session; whether that was any program still running.

    A script may have left the real caffe behind.
    """
    if process.returncode is not None:
        return False
    is_left = any(session == process.pid for session in _running_sessions(process.pid))
    # Until `wait`, no other process can get the id of its session.
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return is_left


def _running_sessions(first: int) -> list[int]:
    """The session of each running process but one, where the system lists them in /proc."""
    sessions = []
    for folder in _PROCESSES.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name of the program, in brackets, may contain anything.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z" and int(folder.name) != first:
                sessions.append(int(fields[3]))
    return sessions
