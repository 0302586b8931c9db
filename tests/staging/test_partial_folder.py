"""The folder of an unfinished file: found again, locked, and never someone else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ssdh_surgery.errors import FileError
from ssdh_surgery.staging.partial_folder import PartialFolder


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.jpg").write_bytes(b"mine")
    os.symlink("photos", tmp_path / ".out.partial")
    with pytest.raises(FileError) as caught:
        PartialFolder(tmp_path / "out", "out")
    assert str(caught.value) == (
        "out: cannot write: '.out.partial' is in the way: it is not a folder\n"
        "hint: remove it, or write to another path"
    )
    assert (tmp_path / "photos/1.jpg").read_bytes() == b"mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to give a folder away (root)")
def test_the_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".out.partial").mkdir()
    os.chown(tmp_path / ".out.partial", 65534, 65534)
    with pytest.raises(FileError, match="it belongs to another user"):
        PartialFolder(tmp_path / "out", "out")


def test_it_is_locked(tmp_path: Path) -> None:
    folder = PartialFolder(tmp_path / "out", "out")
    with pytest.raises(FileError) as caught:
        PartialFolder(tmp_path / "out", "out")
    assert str(caught.value) == (
        "out: is being written by another ssdh process\nhint: wait for it, or write to another path"
    )
    folder.close()
    PartialFolder(tmp_path / "out", "out").delete()
    assert list(tmp_path.iterdir()) == []


def test_links_in_it_are_removed_not_followed(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/1.jpg").write_bytes(b"mine")
    folder = PartialFolder(tmp_path / "out", "out")
    os.symlink("../photos", folder.path / "state")
    folder.clear()
    assert list(folder.path.iterdir()) == []
    assert (tmp_path / "photos/1.jpg").read_bytes() == b"mine"
    folder.delete()
