"""The file operations of a command, as strace counts them, and the command with one of them failing."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_WRITES = ("write", "pwrite64", "writev", "pwritev", "copy_file_range")
_FULL = ("ENOSPC", "EIO")
_DENIED = ("EACCES", "ENOSPC")
_FAILING = ("EACCES", "EIO")
# The errors of each system call.
ERRORS = {
    **dict.fromkeys(_WRITES, _FULL),
    **dict.fromkeys(("fsync", "fdatasync", "ftruncate", "fallocate"), _FULL),
    **dict.fromkeys(("openat", "mkdir", "link", "symlink"), _DENIED),
    **dict.fromkeys(("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir"), _FAILING),
}
KILL = "SIGKILL"
_LINE = re.compile(r"(\d+) +(\w+)\((.*)")
_SECONDS = 120


@dataclass(frozen=True)
class Fault:
    """The `number`-th call of a system call in a thread, and what happens to it.

    Attributes:
        kind: an error's name, or `KILL`.
    """

    call: str
    number: int
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} at {self.call} {self.number}"


def calls(command: Sequence[str], folder: Path, log: Path) -> list[tuple[str, int]]:
    """Run a command in a folder; the calls that change files in it, each with its number."""
    done = _strace(command, folder, log, "--seccomp-bpf")
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return list(dict.fromkeys(_calls_in(log.read_text(errors="replace"), str(folder))))


def _calls_in(text: str, folder: str) -> Iterator[tuple[str, int]]:
    counts: Counter[tuple[str, str]] = Counter()
    for thread, call, rest in _LINE.findall(text):
        counts[thread, call] += 1
        if folder in rest and (call != "openat" or "O_CREAT" in rest or "O_TMPFILE" in rest):
            yield call, counts[thread, call]


def faults(points: Sequence[tuple[str, int]]) -> list[Fault]:
    """Every fault at every call."""
    return [Fault(*point, kind) for point in points for kind in (KILL, *ERRORS[point[0]])]


def run_with(
    fault: Fault, command: Sequence[str], folder: Path, log: Path
) -> subprocess.CompletedProcess[str]:
    """Run a command with a fault.

    Raises:
        subprocess.TimeoutExpired: it does not end.
    """
    effect = f"signal={KILL}" if fault.kind == KILL else f"error={fault.kind}"
    inject = f"inject={fault.call}:{effect}:when={fault.number}"
    # strace's filter in the kernel is fast, but drops signals.
    speed = () if fault.kind == KILL else ("--seccomp-bpf",)
    return _strace(command, folder, log, *speed, "-e", inject)


def _strace(
    command: Sequence[str], folder: Path, log: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    traced = "trace=" + ",".join(ERRORS)
    strace = ("strace", "-f", "-y", "-qq", "-s", "0", "-o", str(log), "-e", traced, *options)
    return subprocess.run(
        [*strace, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
