"""The fault injector finds the file operations of a command, and the damage of a careless one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parent.parent.parent / "tools" / "faults"
LOG = """\
7     openat(AT_FDCWD</w>, "/lib/python/os.py", O_RDONLY|O_CLOEXEC) = 3</lib/python/os.py>
7     openat(AT_FDCWD</w>, "/w/.ssdh-a.tmp", O_RDWR|O_CREAT|O_EXCL, 0600) = 3</w/.ssdh-a.tmp>
7     write(1<pipe:[1]>, ""..., 9) = 9
7     write(3</w/.ssdh-a.tmp>, ""..., 9 <unfinished ...>
8     write(4</w/.ssdh-b.tmp>, ""..., 9) = 9
7     <... write resumed>) = 9
7     renameat2(AT_FDCWD</w>, "/w/.ssdh-a.tmp", AT_FDCWD</w>, "/w/a", RENAME_NOREPLACE) = 0
"""


def test_calls_that_change_files_are_counted_for_each_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(TOOL))
    from syscalls import calls  # type: ignore[import-not-found]

    log = tmp_path / "log"
    log.write_text(LOG)
    assert calls(log, Path("/w")) == [
        *(("openat", 2), ("write", 2), ("write", 1), ("renameat2", 1)),
    ]


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: apt-get install strace")
def test_a_file_operation_that_fails_leaves_the_old_file_or_the_new_one() -> None:
    command = [sys.executable, str(TOOL / "run.py"), "upgrade --in-place"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "| upgrade --in-place | " in ran.stdout
