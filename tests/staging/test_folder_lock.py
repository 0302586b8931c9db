"""The lock of a folder: processes wait for each other, a killed one holds nobody up."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from ssdh_surgery.errors import FileError
from ssdh_surgery.staging.folder_lock import folder_lock


def locker(folder: Path) -> int:
    """A child process that holds the lock of a folder until it is killed; its id."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        with folder_lock(folder):
            os.write(write, b"locked")
            time.sleep(60)
        os._exit(0)
    assert os.read(read, 6) == b"locked"
    os.close(read)
    os.close(write)
    return child


def test_another_process_waits_and_gives_up(tmp_path: Path) -> None:
    child = locker(tmp_path)
    try:
        with pytest.raises(FileError) as caught, folder_lock(tmp_path, patience=0.1):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert str(caught.value) == (
        f"{tmp_path}: another ssdh process is writing in this folder\n"
        "hint: run the command again when it has ended"
    )
    with folder_lock(tmp_path, patience=0):
        pass


def test_one_process_may_lock_twice(tmp_path: Path) -> None:
    with folder_lock(tmp_path), folder_lock(tmp_path, patience=0):
        pass


def test_ten_processes_lose_no_change(tmp_path: Path) -> None:
    file = tmp_path / "counter"
    file.write_text("0")
    children = []
    for _ in range(10):
        child = os.fork()
        if child == 0:
            for _ in range(20):
                with folder_lock(tmp_path):
                    file.write_text(str(int(file.read_text()) + 1))
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert file.read_text() == "200"


def test_a_folder_that_is_missing_is_not_locked(tmp_path: Path) -> None:
    with folder_lock(tmp_path / "missing"):
        pass
