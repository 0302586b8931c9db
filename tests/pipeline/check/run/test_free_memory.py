"""The memory that is left, as the files of the kernel say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.pipeline.check.run.free_memory import free_memory

GIB = 1 << 30
MEMINFO = "MemTotal: 16777216 kB\nMemFree: 1048576 kB\nMemAvailable: 8388608 kB\n"


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "proc/meminfo", MEMINFO)
    return tmp_path


def test_without_limits_the_machine_counts(root: Path) -> None:
    assert free_memory(root) == 8 * GIB
    write(root, "proc/self/cgroup", "0::/user.slice\n")
    write(root, "sys/fs/cgroup/user.slice/memory.max", "max\n")
    write(root, "sys/fs/cgroup/user.slice/memory.current", "5\n")
    assert free_memory(root) == 8 * GIB


def test_the_limit_of_a_group_above_counts(root: Path) -> None:
    write(root, "proc/self/cgroup", "0::/a/b\n")
    write(root, "sys/fs/cgroup/a/memory.max", f"{4 * GIB}\n")
    write(root, "sys/fs/cgroup/a/memory.current", f"{3 * GIB}\n")
    # Pages of files are given up.
    write(root, "sys/fs/cgroup/a/memory.stat", f"anon 7\ninactive_file {GIB}\nactive_file 9\n")
    write(root, "sys/fs/cgroup/a/b/memory.max", "max\n")
    write(root, "sys/fs/cgroup/a/b/memory.current", "5\n")
    assert free_memory(root) == 2 * GIB


def test_the_group_is_the_mount_inside_a_container(root: Path) -> None:
    write(root, "proc/self/cgroup", "0::/docker/4f2a\n")
    write(root, "sys/fs/cgroup/memory.max", f"{2 * GIB}\n")
    write(root, "sys/fs/cgroup/memory.current", f"{GIB}\n")
    assert free_memory(root) == GIB


def test_groups_of_version_1(root: Path) -> None:
    write(root, "proc/self/cgroup", "9:cpu,cpuacct:/x\n4:memory:/job\n0::/\n")
    group = "sys/fs/cgroup/memory/job/memory."
    write(root, f"{group}limit_in_bytes", f"{3 * GIB}\n")
    write(root, f"{group}usage_in_bytes", f"{5 * GIB}\n")
    assert free_memory(root) == 0
    write(root, f"{group}limit_in_bytes", "9223372036854771712\n")
    assert free_memory(root) == 8 * GIB


def test_a_system_that_does_not_say(tmp_path: Path) -> None:
    assert free_memory(tmp_path) is None


def test_this_machine() -> None:
    free = free_memory()
    assert free is None or 0 <= free < 1 << 50
