"""Temporary files: unpredictable, locked while in use, removed when their process is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ssdh_surgery.staging.folder_lock import folder_lock
from ssdh_surgery.staging.temporary import Temporary, is_temporary, sweep, unused_name

LEAVE_ONE = """
import os, sys
from pathlib import Path
from ssdh_surgery.staging.temporary import Temporary
Temporary(Path("target"), is_folder=sys.argv[1] == "folder")
os.kill(os.getpid(), 9)
"""


def leave(folder: Path, kind: str) -> None:
    """Leave a temporary file or folder behind, as a killed process does."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(
        [sys.executable, "-c", LEAVE_ONE, kind], cwd=folder, env=environment, check=False
    )


def test_those_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    for kind in ("file", "folder"):
        leave(tmp_path, kind)
        (left,) = tmp_path.iterdir()
        assert is_temporary(left.name)
        new = Temporary(tmp_path / "target")
        assert list(tmp_path.iterdir()) == [new.path]
        new.remove()


def test_those_in_use_stay(tmp_path: Path) -> None:
    file, folder = Temporary(tmp_path / "a"), Temporary(tmp_path / "b", is_folder=True)
    with folder_lock(tmp_path):
        sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([file.path, folder.path])
    file.remove()
    folder.remove()
    assert list(tmp_path.iterdir()) == []


def test_only_its_own_names_are_removed(tmp_path: Path) -> None:
    for name in (".ssdh-notes", ".ssdh-abcdefgh", "ssdh-abcdefgh.tmp", ".ssdh-journal"):
        (tmp_path / name).touch()
    (tmp_path / "mine").write_bytes(b"mine")
    os.symlink("mine", tmp_path / ".ssdh-aaaaaaaa.tmp")
    before = sorted(tmp_path.iterdir())
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_an_unused_name_is_temporary(tmp_path: Path) -> None:
    path = unused_name(tmp_path / "target")
    assert path.parent == tmp_path
    assert is_temporary(path.name)
