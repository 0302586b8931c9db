"""What files hold by their bytes: those of Caffe, and those that are taken for them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.weights.content import Content, content_of
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.caffe.weights.solverstate import (
    SolverState,
    read_solver_state,
    write_solver_state,
)
from ssdh_surgery.caffe.weights.weights import read_any_weights, write_any_weights
from ssdh_surgery.errors import DataError
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"
LAYERS = [LayerWeights("fc", "InnerProduct", (np.ones((2, 3), np.float32),))]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("init.caffemodel", Content.WEIGHTS),
        ("snap_sgd_step_ssdh_iter_20.caffemodel", Content.WEIGHTS),
        ("snap_sgd_step_ssdh_iter_20.solverstate", Content.STATE),
        ("mean.binaryproto", Content.MEAN),
        ("net_ssdh.prototxt", Content.NET),
        ("solver_sgd_step.prototxt", Content.TEXT),
        ("golden_adagrad.npz", Content.ARCHIVE),
        ("train_lmdb/data.mdb", Content.UNKNOWN),
    ],
)
def test_files_of_a_training(name: str, content: Content) -> None:
    assert content_of((TRAIN / name).read_bytes()) is content


def test_small_messages() -> None:
    mean = schema.BlobProto(data=[1, 2])
    mean.shape.dim.extend([1, 2])
    assert content_of(mean.SerializeToString()) is Content.MEAN
    for dialect in ("layer", "layers"):
        net = schema.NetParameter()
        getattr(net, dialect).add(name="fc")
        assert content_of(net.SerializeToString()) is Content.WEIGHTS
    state = schema.SolverState(iter=5, learned_net="w")
    assert content_of(state.SerializeToString()) is Content.STATE
    assert content_of(b"") is Content.EMPTY


@pytest.mark.parametrize("ending", ["", ".h5"])
def test_a_state_and_its_weights_taken_for_each_other(tmp_path: Path, ending: str) -> None:
    weights, state = (
        tmp_path / f"x_iter_5.{kind}{ending}" for kind in ("caffemodel", "solverstate")
    )
    write_any_weights(weights, LAYERS)
    with pytest.raises(DataError) as caught:
        read_solver_state(weights)
    assert (caught.value.data["content"], caught.value.hint) == (Content.WEIGHTS, None)
    write_solver_state(state, SolverState(5, str(weights), []))
    with pytest.raises(DataError) as caught:
        read_solver_state(weights)
    assert caught.value.hint == f"the state of its solver is in {state}"
    with pytest.raises(DataError) as caught:
        read_any_weights(state)
    assert caught.value.message == "holds a solver's state, not weights"
    assert caught.value.data["content"] is Content.STATE
    assert caught.value.hint == f"its weights are in {weights}"


def test_data_in_hdf5_is_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "train.h5"
    with h5py.File(path, "w") as file:
        file["data"], file["label"] = np.ones((2, 3)), np.zeros(2)
    with pytest.raises(DataError, match="contains no layers of weights"):
        read_any_weights(path)
    with h5py.File(path, "w") as file:
        file["data/fc"] = np.ones(3)
    with pytest.raises(DataError, match="'/data/fc' is not a layer with numbered blobs"):
        read_any_weights(path)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        ("<!DOCTYPE html>\n<html></html>\n", "download the raw file"),
    ],
)
def test_what_was_downloaded_in_place_of_weights(tmp_path: Path, text: str, hint: str) -> None:
    path = tmp_path / "x.caffemodel"
    path.write_text(text)
    for read in (read_any_weights, read_solver_state):
        with pytest.raises(DataError) as caught:
            read(path)
        assert caught.value.hint is not None
        assert hint in caught.value.hint
