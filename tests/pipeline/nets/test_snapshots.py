"""Which of the snapshots on the disk is taken: the one written last that is whole and fits."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.caffe.weights.snapshot_names import newest_first
from ssdh_surgery.caffe.weights.solverstate import SolverState, write_solver_state
from ssdh_surgery.caffe.weights.weights import write_any_weights
from ssdh_surgery.errors import EngineError, FileError
from ssdh_surgery.pipeline.nets.snapshots import other_weights, weights_misfit
from ssdh_surgery.pipeline.nets.trained_files import newest_weights, newest_whole_state
from ssdh_surgery.pipeline.workspace.net_record import NetRecord

PARAMS = [("fc", [(4, 3), (4,)]), ("data", [])]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def snapshot(iteration: int, second: int, *, width: int = 4, layer: str = "fc") -> Path:
    """A snapshot of an iteration, written at a second."""
    weights = Path(f"run_iter_{iteration}.caffemodel")
    blobs = (np.zeros((width, 3), np.float32), np.zeros(width, np.float32))
    write_any_weights(weights, [LayerWeights(layer, "InnerProduct", blobs)])
    state = weights.with_suffix(".solverstate")
    write_solver_state(state, SolverState(iteration, weights.name, []))
    for path in (weights, state):
        os.utime(path, (second, second))
    return weights


def taken(*, prefix: str = "run") -> tuple[str, list[str]]:
    """The weights that a command takes, and the sentences on those that it passes over."""
    record = NetRecord("net", Path.cwd(), {"snapshot_prefix": prefix})
    reports: list[str] = []
    path = newest_weights(
        record, lambda path: weights_misfit(PARAMS, "deploy.prototxt", path), reports.append
    )
    return str(path), reports


def test_the_last_run_counts_and_not_the_highest_iteration() -> None:
    snapshot(100, second=1)
    snapshot(10, second=2)
    snapshot(20, second=3)
    assert taken() == ("run_iter_20.caffemodel", [])
    assert [path.name for path in newest_first([Path("run")], "solverstate")] == [
        f"run_iter_{number}.solverstate" for number in (20, 10, 100)
    ]


def test_of_the_same_moment_the_highest_iteration() -> None:
    for iteration in (9, 10):
        snapshot(iteration, second=1)
    assert taken() == ("run_iter_10.caffemodel", [])


def test_what_is_cut_short_is_passed_over() -> None:
    snapshot(10, second=1)
    cut = snapshot(20, second=2)
    cut.write_bytes(cut.read_bytes()[:-9])
    path, (report,) = taken()
    assert path == "run_iter_10.caffemodel"
    assert report.startswith("run_iter_20.caffemodel is passed over: is truncated or corrupt")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"width": 8}, "layer 'fc' has 8 outputs there, but 4 in deploy.prototxt"),
        ({"layer": "ip"}, "it has no weights for layer 'fc' of deploy.prototxt"),
    ],
    ids=["width", "net"],
)
def test_another_width_or_net_is_passed_over(changes: dict[str, int], reason: str) -> None:
    snapshot(10, second=1)
    snapshot(20, second=2, **changes)
    assert taken() == (
        "run_iter_10.caffemodel",
        [f"run_iter_20.caffemodel is passed over: {reason}"],
    )
    Path("run_iter_10.caffemodel").unlink()
    with pytest.raises(FileError) as caught:
        taken()
    assert caught.value.message == (
        "no snapshot run_iter_N.caffemodel is complete and of this net:\n"
        f"  run_iter_20.caffemodel is passed over: {reason}"
    )


def test_the_record_of_a_run_says_where_its_snapshots_are(tmp_path: Path) -> None:
    """The solver's prefix may have been edited since `ssdh.toml` was written."""
    snapshot(10, second=1)
    (tmp_path / "solver.prototxt").touch()
    run = tmp_path / "runs" / "solver-1"
    run.mkdir(parents=True)
    values = {
        "solver": str(tmp_path / "solver.prototxt"),
        "cwd": str(tmp_path),
        "snapshot_prefix": str(tmp_path / "run"),
    }
    (run / "run.json").write_text(json.dumps(values))
    record = NetRecord("n", tmp_path, {"snapshot_prefix": "old", "solver": "solver.prototxt"})
    assert newest_weights(record) == Path("run_iter_10.caffemodel")


def test_a_state_without_its_weights_or_of_another_net_is_not_resumed() -> None:
    snapshot(5, second=1)
    snapshot(10, second=2, layer="ip")
    snapshot(20, second=3).unlink()
    reports: list[str] = []
    state = newest_whole_state(Path("run"), PARAMS, "net.prototxt", reports.append)
    assert state.name == "run_iter_5.solverstate"
    assert reports == [
        "run_iter_20.solverstate is passed over: its weights run_iter_20.caffemodel do not exist",
        "run_iter_10.solverstate is passed over: run_iter_10.caffemodel: it has no weights for "
        "layer 'fc' of net.prototxt",
    ]
    state.write_bytes(b"")
    with pytest.raises(EngineError, match="nothing to resume: no complete snapshot run_iter_N"):
        newest_whole_state(Path("run"), PARAMS, "net.prototxt")


def test_weights_to_start_from_are_not_snapshots_of_the_net_itself() -> None:
    snapshot(10, second=1)
    Path("googlenet.caffemodel").touch()
    assert other_weights(Path(), Path("run")) == [Path("googlenet.caffemodel")]


def write_sidecar_of(state: Path) -> None:
    """A sidecar with what it has of the digests, in hashlib's words."""
    digests = {
        "solverstate": hashlib.sha256(state.read_bytes()).hexdigest(),
        "weights": hashlib.sha256(state.with_suffix(".caffemodel").read_bytes()).hexdigest(),
    }
    state.with_suffix(".ssdhstate").write_text(json.dumps({"version": 1, **digests}))


@pytest.mark.parametrize("kind", ["caffemodel", "solverstate"])
def test_a_snapshot_of_which_one_file_was_replaced_is_passed_over(kind: str) -> None:
    for iteration in (10, 20):
        state = snapshot(iteration, second=iteration).with_suffix(".solverstate")
        write_sidecar_of(state)
    replaced = Path(f"run_iter_20.{kind}")
    if kind == "caffemodel":
        blobs = (np.ones((4, 3), np.float32), np.ones(4, np.float32))
        write_any_weights(replaced, [LayerWeights("fc", "InnerProduct", blobs)])
    else:
        write_solver_state(replaced, SolverState(21, "run_iter_20.caffemodel", []))
    reports: list[str] = []
    state = newest_whole_state(Path("run"), PARAMS, "net", reports.append)
    assert state.name == "run_iter_10.solverstate"
    assert reports == [
        f"run_iter_20.solverstate is passed over: run_iter_20.{kind} was replaced since the other "
        "files of this snapshot were written"
    ]


def test_a_snapshot_of_caffe_beside_an_old_sidecar_is_taken() -> None:
    state = snapshot(10, second=1).with_suffix(".solverstate")
    state.with_suffix(".ssdhstate").write_text(json.dumps({"solverstate": "0", "weights": "0"}))
    assert newest_whole_state(Path("run"), PARAMS, "net").name == state.name
