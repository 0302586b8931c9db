"""A command that goes on in the background, in a session of its own that outlives the terminal."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from ssdh_surgery.errors import file_errors

_READY = b"ready"


class Background:
    """The process in the background; creating it forks.

    What it prints goes to the terminal until `leave_terminal`: the process that was started waits
    for that, and ends with 0, or with the exit code of one that ended before.
    """

    def __init__(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        reader, self._writer = os.pipe()
        if child := os.fork():
            os.close(self._writer)
            _wait_for(child, reader)
        os.close(reader)
        os.setsid()
        _replace(0, os.devnull, os.O_RDONLY)

    def leave_terminal(self, console: Path) -> None:
        """Print to a file from now on, and let the process that was started end."""
        with file_errors(console, "write"):
            console.touch()
        sys.stdout.flush()
        sys.stderr.flush()
        for stream in (1, 2):
            _replace(stream, console, os.O_WRONLY | os.O_APPEND)
        os.write(self._writer, _READY)
        os.close(self._writer)


def _replace(stream: int, path: Path | str, flags: int) -> None:
    handle = os.open(path, flags)
    os.dup2(handle, stream)
    os.close(handle)


def _wait_for(child: int, reader: int) -> NoReturn:
    """End with the background process, or once it has left the terminal."""
    code = 0
    try:
        is_ready = os.read(reader, len(_READY)) == _READY
    except KeyboardInterrupt:
        os.kill(child, signal.SIGINT)
        is_ready = False
    if not is_ready:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code if code >= 0 else 128 - code)
