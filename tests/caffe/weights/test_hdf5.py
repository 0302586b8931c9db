"""HDF5 files of strangers and full disks: errors, where libhdf5 itself would hang or crash."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from ssdh_surgery.caffe.weights import hdf5, hdf5_probe
from ssdh_surgery.errors import DataError
from support.small_disk import small_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    with small_disk(tmp_path, "64k") as folder:
        yield folder


def test_a_disk_that_fills_up_in_the_middle_is_an_error(disk: Path) -> None:
    def write() -> None:
        with hdf5.write_to(disk / "x.h5") as file:
            for number in range(20):
                file.create_dataset(f"part{number}", data=np.arange(2000.0), fletcher32=True)

    with pytest.raises(OSError, match="No space left"):
        write()


def test_what_is_written_piece_by_piece_is_read_back(tmp_path: Path) -> None:
    with hdf5.write_to(tmp_path / "x.h5") as file:
        rows = file.create_dataset("rows", (100, 50), "f4", fletcher32=True)
        for start in range(0, 100, 10):
            rows[start : start + 10] = start
    with h5py.File(tmp_path / "x.h5") as file:
        assert (file["rows"][()] == np.arange(0, 100, 10).repeat(10)[:, None]).all()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        pytest.param(
            "import signal; signal.alarm(1); signal.pause()",
            "is damaged: it cannot be read in 8 s",
            id="hang",
        ),
        pytest.param(
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
            "is damaged: reading it crashes (SIGSEGV)",
            id="crash",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, message: str
) -> None:
    """Stand-ins for a libhdf5 that hangs or crashes, which depends on its version."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["data"] = np.arange(5)
    monkeypatch.setattr(hdf5_probe, "_READ_ALL", program)
    with pytest.raises(DataError) as caught, hdf5.open_file(tmp_path / "x.h5"):
        pass
    assert str(caught.value) == f"{tmp_path / 'x.h5'}: {message}"


def test_the_program_that_reads_a_file_reads_all_of_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a/b/scalar"] = 5
        file["a/rows"] = np.arange(10_000_000, dtype=np.float32).reshape(-1, 4)
        file["text"] = "words"
    ran = subprocess.run(
        [sys.executable, "-c", hdf5_probe._READ_ALL, str(tmp_path / "x.h5"), "60", str(4 << 30)],
        capture_output=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_size_that_cannot_be_set_is_noted_as_a_failed_write_is(tmp_path: Path) -> None:
    """An exception inside libhdf5 would be lost, and another one raised in its place."""
    (tmp_path / "x.h5").write_bytes(b"content")
    with hdf5.LastingFile(tmp_path / "x.h5", "r") as file:
        assert file.truncate(3) == 3
        assert isinstance(file.error, OSError)
