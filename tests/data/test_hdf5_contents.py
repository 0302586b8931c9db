"""HDF5 files described by a child process, compared with h5py itself."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pytest

from ssdh_surgery.data.hdf5_contents import hdf5_contents


def test_datasets_and_labels(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    labels = random.integers(-2, 5, 1000)
    for number in range(3):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file["data"] = random.random((1000, 2, 3))
            file["label"] = labels.astype(("f4", "i8", "u1")[number])
            file["group/inside"] = 1
    paths = [tmp_path / f"{number}.h5" for number in range(3)]
    for number, content in enumerate(hdf5_contents(paths, ("data", "label"))):
        with h5py.File(paths[number]) as file:
            values = [int(value) for value in file["label"][()]]
            assert content.datasets["data"].shape == file["data"].shape
        assert content.datasets["data"].kind == "float"
        assert content.datasets["label"].kind == ("float" if number == 0 else "integer")
        assert content.datasets["group"].shape is None
        found = content.labels["label"]
        assert found.counts == Counter(values)
        assert found.first_rows == {label: values.index(label) for label in values}
        assert found.runs == 1 + sum(a != b for a, b in itertools.pairwise(values))
        assert found.total == 1000
        # The images are not read as labels, unless a loss takes them as such.
        assert "data" not in content.labels


def test_files_are_read_anew_when_they_change(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for rows in (3, 5):
        with h5py.File(path, "w") as file:
            file["data"] = np.zeros(rows)
        (content,) = hdf5_contents([path], ("data",))
        assert content.datasets["data"].shape == (rows,)


def test_what_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for content in hdf5_contents([tmp_path / "none", tmp_path / "folder"], ("data",)):
        assert content.error is not None


def test_a_file_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libhdf5 hangs at some damage; a pipe stands for such a file. The next one is read."""
    os.mkfifo(tmp_path / "hanging.h5")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.zeros(3)
    monkeypatch.setattr("ssdh_surgery.data.hdf5_contents._SECONDS", 1)
    hanging, good = hdf5_contents([tmp_path / "hanging.h5", tmp_path / "a.h5"], ("data",))
    assert hanging.error == "is damaged: it cannot be read in 1 s"
    assert good.datasets["data"].shape == (3,)
