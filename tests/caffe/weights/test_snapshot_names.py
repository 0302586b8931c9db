"""Snapshots by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.caffe.weights.snapshot_names import (
    SnapshotFile,
    iteration_of,
    newest_first,
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


@pytest.mark.parametrize(
    "name",
    [
        "run_iter_40_score0_0.71",
        "run_iter_40_score0_1_score1_2.5e-05",
        "run_iter_40_score0_nan_score1_-1",
    ],
)
def test_nvcaffe_puts_the_results_of_the_test_into_the_name(tmp_path: Path, name: str) -> None:
    """Of the weights alone: `SnapshotFilename` of its solver.cpp gets no scores for the state."""
    weights, state = tmp_path / f"{name}.caffemodel", tmp_path / "run_iter_40.solverstate"
    state.touch()
    assert weights_beside(state) == tmp_path / "run_iter_40.caffemodel"
    weights.touch()
    assert newest_first([tmp_path / "run"], "caffemodel") == [weights]
    assert iteration_of(weights) == 40
    assert weights_beside(state) == weights
    assert newest_first([tmp_path / "ru"], "caffemodel") == []
