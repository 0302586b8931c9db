"""How much memory a process can still get: the machine's, within the limits of its control groups.

A container has the memory of its control group, whatever `/proc/meminfo` says. Pages of files
count as used there, and the kernel gives them up when they are needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

# Without a limit, version 1 of control groups has about the largest 64-bit number.
_NO_LIMIT = 1 << 60


def free_memory(root: Path = Path("/")) -> int | None:
    """The bytes that this process can still get; None where the system does not say.

    Args:
        root: the folder in which `proc` and `sys` are.
    """
    amounts = [*_of_machine(root), *_of_groups(root)]
    return max(0, min(amounts)) if amounts else None


def _of_machine(root: Path) -> Iterator[int]:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024


def _of_groups(root: Path) -> Iterator[int]:
    """What each limited control group of this process has left, those above it included."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" and not controllers:
            mount, limit, usage = "sys/fs/cgroup", "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            mount, limit = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
            usage = "memory.usage_in_bytes"
        else:
            continue
        top = root / mount
        # Inside a container the path is the host's, and the mount is the group itself.
        group = top / path.strip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(top):
                break
            size, used = _number(folder / limit), _number(folder / usage)
            if size is not None and used is not None and size < _NO_LIMIT:
                yield size - used + _file_pages(folder)


def _file_pages(group: Path) -> int:
    """The bytes of pages of files that nobody used lately."""
    for line in _text(group / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file"):
            return int(value)
    return 0


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
