"""Command lines of ssdh, run by a server, undisturbed or under strace."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Equal conditions for each run: the order of sets, and one thread for each library.
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Ended:
    """A process that has ended: its exit code, or minus its signal, and its standard error."""

    code: int
    messages: str

    @property
    def is_hang(self) -> bool:
        """Whether it was ended because it took too long."""
        return self.code == -signal.SIGALRM

    @property
    def last_lines(self) -> str:
        """The end of its messages, in one line."""
        return " | ".join(self.messages.strip().splitlines()[-3:])[-300:]


class Server:
    """A server of its own process; `place` is a folder for its files."""

    def __init__(self, place: Path) -> None:
        self._messages = place / "messages"
        script = str(Path(__file__).with_name("server.py"))
        self._process = subprocess.Popen(
            [sys.executable, script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | _ENVIRONMENT,
        )

    def run(self, line: str, folder: Path, strace: Sequence[str] = ()) -> Ended:
        """Run a command line in a folder, under strace if there are options for it."""
        self._messages.write_text("")
        request = {
            "words": shlex.split(line),
            "folder": str(folder),
            "messages": str(self._messages),
            "is_traced": bool(strace),
        }
        self._write(json.dumps(request))
        child = self._read()
        if strace:
            command = ["strace", *strace, "-p", str(child)]
            subprocess.run(command, capture_output=True, check=False)
        code = self._read()
        return Ended(code, self._messages.read_text(errors="replace"))

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
