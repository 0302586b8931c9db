"""A line that is typed in a real shell: what it is after keys such as Tab."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

# Ctrl-G writes the line to a file.
_BASH = """\
PS1='ready> '
bind 'set bell-style none'
bind -x '"\\C-g": printf "%s" "$READLINE_LINE" > "$LINE_FILE.new"; mv "$LINE_FILE.new" "$LINE_FILE"'
"""


class BashLine:
    """An interactive bash that has loaded a script; a context manager that ends it."""

    def __init__(self, folder: Path, script: str, path: Path) -> None:
        """Start bash in a folder, with a script as its init file and one more folder in PATH."""
        self._line_file = folder.parent / "line"
        init = folder.parent / "init.bash"
        init.write_text(_BASH + script)
        self._master, slave = pty.openpty()
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--init-file", str(init), "-i"],
            cwd=folder,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={
                **os.environ,
                "PATH": f"{path}:{os.environ['PATH']}",
                "INPUTRC": os.devnull,
                "HISTFILE": os.devnull,
                "TERM": "dumb",
                "LC_ALL": "C.UTF-8",
                "LINE_FILE": str(self._line_file),
            },
            start_new_session=True,
        )
        os.close(slave)
        self._read_until("ready> ")

    def __enter__(self) -> BashLine:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)

    def after(self, keys: str) -> str:
        """The line after some keys, on an empty line."""
        self._line_file.unlink(missing_ok=True)
        # Ctrl-U clears what is left of the line before.
        os.write(self._master, f"\x05\x15{keys}\x07".encode())
        end = time.monotonic() + 30
        while not self._line_file.exists():
            assert time.monotonic() < end, "bash does not answer"
            self._read(0.02)
        return self._line_file.read_text()

    def _read(self, seconds: float) -> str:
        if not select.select([self._master], [], [], seconds)[0]:
            return ""
        return os.read(self._master, 65536).decode(errors="replace")

    def _read_until(self, text: str) -> None:
        seen, end = "", time.monotonic() + 30
        while text not in seen:
            assert time.monotonic() < end, f"bash does not start: {seen}"
            seen += self._read(0.1)
