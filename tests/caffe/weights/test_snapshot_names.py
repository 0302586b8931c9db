"""Snapshots by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.caffe.weights.snapshot_names import (
    SnapshotFile,
    snapshot_name,
    snapshots_on_disk,
    weights_beside,
)


def test_iterations_are_numbers(tmp_path: Path) -> None:
    prefix = tmp_path / "a[1]*"
    for iteration in (10, 9, 100):
        (tmp_path / snapshot_name(prefix, iteration, "solverstate", is_hdf5=True)).touch()
        (tmp_path / snapshot_name(prefix, iteration, "caffemodel")).touch()
    for other in ("a_iter_5.solverstate", "a[1]*_iter_x.solverstate", "a[1]*_iter_5.solverstate~"):
        (tmp_path / other).touch()
    states = snapshots_on_disk(prefix, "solverstate")
    assert states == [(n, tmp_path / f"a[1]*_iter_{n}.solverstate.h5") for n in (9, 10, 100)]
    assert snapshots_on_disk(tmp_path / "none" / "x", "caffemodel") == []


@pytest.mark.parametrize("is_hdf5", [False, True])
@pytest.mark.parametrize("prefix", ["run", "old.solverstate/run.solverstate"])
def test_weights_beside_a_state(prefix: str, is_hdf5: bool) -> None:
    def path(file: SnapshotFile) -> Path:
        return Path(snapshot_name(prefix, 5, file, is_hdf5=is_hdf5))

    assert weights_beside(path("solverstate")) == path("caffemodel")
