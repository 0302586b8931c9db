"""Whole files: written all or none, modes and links kept, nothing else ever replaced."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ssdh_surgery import errors, files
from ssdh_surgery.errors import FileError
from ssdh_surgery.files import write_bytes
from ssdh_surgery.staging.staged_file import Write, write_files
from support.small_disk import small_disk

NOBODY = 65534


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    with small_disk(tmp_path, "64k") as folder:
        yield folder


def remaining(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_mode_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_bytes(tmp_path / "new", b"")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "net").write_bytes(b"old")
    (tmp_path / "link").symlink_to("far/net")
    write_bytes(tmp_path / "link", b"new")
    assert os.readlink(tmp_path / "link") == "far/net"
    assert remaining(tmp_path / "far") == {"net": b"new"}


def test_what_changed_under_us_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(b"changed")
    with pytest.raises(FileError) as caught:
        write_bytes(path, b"new", expected=b"as it was read")
    assert str(caught.value) == (
        f"{path}: changed in the meantime; nothing was written\nhint: run the command again"
    )
    assert remaining(tmp_path) == {"net.prototxt": b"changed"}


def test_one_that_changed_keeps_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"changed")
    with pytest.raises(FileError):
        write_files([Write(tmp_path / "a", b"1"), Write(tmp_path / "b", b"2", b"as read")])
    assert remaining(tmp_path) == {"b": b"changed"}


def test_what_appeared_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"theirs")
    with pytest.raises(FileError) as caught:
        write_files([Write(path, b"ours", is_new=True)])
    assert str(caught.value) == (
        f"{path}: appeared in the meantime; nothing was written\nhint: run the command again"
    )
    assert remaining(tmp_path) == {"a": b"theirs"}


def test_a_rename_that_fails_takes_the_others_back(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"was here")
    # Its temporary name is short enough, its own is not.
    too_long = tmp_path / ("n" * 300)
    with pytest.raises(FileError) as caught:
        write_files(
            [Write(tmp_path / "old", b"1"), Write(tmp_path / "new", b"2"), Write(too_long, b"3")]
        )
    assert str(caught.value) == f"{too_long}: cannot write: the name is too long"
    assert remaining(tmp_path) == {"old": b"was here"}


def test_a_full_disk_leaves_all_as_it_was(disk: Path) -> None:
    (disk / "a").write_bytes(b"old")
    with pytest.raises(FileError) as caught:
        write_files([Write(disk / "a", b"new"), Write(disk / "b", bytes(200_000))])
    assert str(caught.value) == f"{disk / 'b'}: cannot write: no space left on the disk"
    assert remaining(disk) == {"a": b"old"}


def test_a_read_only_file_system(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(FileError) as caught:
        write_bytes(disk / "a", b"new")
    assert str(caught.value) == f"{disk / 'a'}: cannot write: the file system is read-only"


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of one's own, without the rights that root has anywhere."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


@pytest.mark.parametrize("where", ["folder", "file"])
def test_without_the_right_to_write(unprivileged: Path, where: str) -> None:
    path = unprivileged / "net"
    path.write_bytes(b"old")
    if where == "folder":
        unprivileged.chmod(0o500)
    else:
        path.chmod(0o400)
    with pytest.raises(FileError) as caught:
        write_bytes(path, b"new")
    assert str(caught.value) == f"{path}: cannot write: permission denied"
    assert remaining(unprivileged) == {"net": b"old"}


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        write_bytes(tmp_path, b"new")
    assert str(caught.value) == f"{tmp_path}: cannot write: is a folder, not a file"


def test_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError) as caught:
        write_bytes(tmp_path / "pipe", b"new")
    assert str(caught.value) == f"{tmp_path / 'pipe'}: cannot write: not a regular file"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("name", ["a\0b", "lone \ud800"], ids=["nul", "no-bytes"])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(FileError) as caught:
        files.read_bytes(name)
    assert str(caught.value) == f"{name}: cannot read: not a valid file name"


def test_other_value_errors_are_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ours"), errors.file_errors(tmp_path, "read"):
        raise ValueError("ours")
