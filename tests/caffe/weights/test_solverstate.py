"""Solver states as Caffe wrote them, damaged, and written back in both forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.weights.binary_weights import read_weights
from ssdh_surgery.caffe.weights.solverstate import (
    SolverState,
    read_solver_state,
    write_solver_state,
)
from ssdh_surgery.errors import DataError, FileError
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"
STATE = TRAIN / "snap_sgd_step_ssdh_iter_20.solverstate"


def small_state() -> SolverState:
    history = [np.arange(6, dtype=np.float32).reshape(2, 3), np.float32([7]), np.float32(8)]
    return SolverState(30, "snapshots/größe_iter_30.caffemodel", history, 2)


def assert_equal(one: SolverState, other: SolverState) -> None:
    assert (one.iteration, one.learned_net, one.step) == (
        other.iteration,
        other.learned_net,
        other.step,
    )
    assert len(one.history) == len(other.history)
    for ours, theirs in zip(one.history, other.history, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs, strict=True)


def refusal(folder: Path, content: bytes) -> str:
    path = folder / "x.solverstate"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_solver_state(path)
    return str(caught.value).removeprefix(f"{folder}/")


def test_what_caffe_wrote() -> None:
    state = read_solver_state(STATE)
    assert (state.iteration, state.step) == (20, 2)
    assert state.learned_net == "snap_sgd_step_ssdh_iter_20.caffemodel"
    weights = read_weights(TRAIN / state.learned_net)
    shapes = [shape for layer in weights.layers for shape in layer.shapes]
    assert [blob.shape for blob in state.history] == shapes
    assert all(np.abs(blob).max() > 0 for blob in state.history)


def test_written_as_caffe_writes(tmp_path: Path) -> None:
    path = tmp_path / "x.solverstate"
    write_solver_state(path, read_solver_state(STATE))
    ours = schema.SolverState.FromString(path.read_bytes())
    theirs = schema.SolverState.FromString(STATE.read_bytes())
    assert ours == theirs


@pytest.mark.parametrize("name", ["x.solverstate", "x.solverstate.h5"])
def test_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_solver_state(path, small_state())
    assert_equal(read_solver_state(path), small_state())


def test_the_form_is_told_by_the_content(tmp_path: Path) -> None:
    written = tmp_path / "x.solverstate.h5"
    write_solver_state(written, small_state())
    renamed = written.rename(tmp_path / "x.solverstate")
    assert_equal(read_solver_state(renamed), small_state())


def test_a_scalar_is_read_as_caffe_writes_it_without_a_shape(tmp_path: Path) -> None:
    message = schema.SolverState(iter=3)
    message.history.add(data=[7])
    path = tmp_path / "x.solverstate"
    path.write_bytes(message.SerializeToString())
    (blob,) = read_solver_state(path).history
    assert (blob.shape, float(blob)) == ((), 7)


def test_legacy_shapes_are_read(tmp_path: Path) -> None:
    message = schema.SolverState(iter=3)
    message.history.add(num=1, channels=1, height=2, width=1, data=[1, 2])
    path = tmp_path / "x.solverstate"
    path.write_bytes(message.SerializeToString())
    state = read_solver_state(path)
    np.testing.assert_array_equal(state.history[0], np.float32([[[[1], [2]]]]), strict=True)


def test_every_truncation_is_an_error_or_a_shorter_state(tmp_path: Path) -> None:
    path = tmp_path / "x.solverstate"
    write_solver_state(path, small_state())
    whole = path.read_bytes()
    messages = set()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        try:
            # Protobuf does not know how many fields a message should have.
            state = read_solver_state(path)
            assert len(state.history) < 3 or state.step == 0
        except DataError as error:
            messages.add(error.message)
    assert messages == {"is empty", "is truncated, or not a solverstate"}


def test_every_truncation_of_hdf5_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.solverstate.h5"
    write_solver_state(path, small_state())
    whole = path.read_bytes()
    for length in [8, 9, 100, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="is truncated or damaged: "):
            read_solver_state(path)


def test_files_of_other_kinds(tmp_path: Path) -> None:
    weights = (TRAIN / "init.caffemodel").read_bytes()
    assert refusal(tmp_path, weights) == "x.solverstate: holds weights, not a solver's state"
    assert refusal(tmp_path, b"net: 'x'\n") == "x.solverstate: is text, not a solver's state"
    mean = (TRAIN / "mean.binaryproto").read_bytes()
    assert refusal(tmp_path, mean) == "x.solverstate: is a mean image, not a solver's state"
    no_iteration = schema.SolverState(current_step=3).SerializeToString()
    assert refusal(tmp_path, no_iteration) == (
        "x.solverstate: is not a solverstate: it has no iteration"
    )
    message = schema.SolverState(iter=1)
    message.history.add(data=[1, 2, 3]).shape.dim.extend([2, 2])
    assert refusal(tmp_path, message.SerializeToString()) == (
        "x.solverstate: history blob 0 has the shape (2, 2) and 3 values"
    )


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"x\.solverstate: cannot read: no such file"):
        read_solver_state(tmp_path / "x.solverstate")
