"""The command line in a real terminal of some width."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def in_terminal(*words: str, columns: int, cwd: Path, **environment: str) -> str:
    """What a command writes to a terminal, as it is written there."""
    inside, outside = pty.openpty()
    fcntl.ioctl(outside, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    unset = ("COLUMNS", "LINES", "NO_COLOR")
    env = {name: value for name, value in os.environ.items() if name not in unset}
    process = subprocess.Popen(
        [sys.executable, "-m", "ssdh_surgery", *words],
        cwd=cwd,
        stdin=outside,
        stdout=outside,
        stderr=outside,
        env={**env, "TERM": "xterm-256color", **environment},
    )
    os.close(outside)
    written = b""
    while True:
        try:
            part = os.read(inside, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        written += part
    os.close(inside)
    process.wait(timeout=60)
    return written.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    """A text without its colors."""
    return _COLOR.sub("", text)
