"""The file operations of a command, as strace counts them, and what makes one of them fail."""

from __future__ import annotations

import re
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


def calls(log: Path, folder: Path) -> list[tuple[str, int]]:
    """The calls in a log of strace that change files in a folder, each with its number."""
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


def options(log: Path, fault: Fault | None = None) -> list[str]:
    """The options of strace that log all calls to a file, with a fault."""
    traced = "trace=" + ",".join(ERRORS)
    options = ["-f", "-y", "-qq", "-s", "0", "-o", str(log), "-e", traced]
    if fault is not None:
        effect = f"signal={KILL}" if fault.kind == KILL else f"error={fault.kind}"
        options += ["-e", f"inject={fault.call}:{effect}:when={fault.number}"]
    return options
