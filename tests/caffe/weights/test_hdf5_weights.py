"""Weights in HDF5: written and read, shared params, damage, and names that HDF5 cannot hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.binary_weights import read_weights
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Weights
from ssdh_surgery.caffe.weights.weights import read_any_weights, write_any_weights
from ssdh_surgery.errors import DataError, FileError
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"
SNAPSHOT = TRAIN / "snap_sgd_step_ssdh_iter_20.caffemodel"


def by_name(weights: Weights) -> dict[str, tuple[np.ndarray, ...]]:
    return {layer.name: layer.blobs for layer in weights.layers}


def test_hdf5_holds_what_the_binary_form_holds(tmp_path: Path) -> None:
    weights = read_weights(SNAPSHOT)
    path = tmp_path / "x.caffemodel.h5"
    write_any_weights(path, weights.layers, name=weights.name)
    ours, theirs = by_name(read_any_weights(path)), by_name(weights)
    assert ours.keys() == theirs.keys()
    for name, blobs in theirs.items():
        assert len(ours[name]) == len(blobs)
        for one, other in zip(ours[name], blobs, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


def test_without_h5_it_is_the_binary_form(tmp_path: Path) -> None:
    path = tmp_path / "x.caffemodel"
    weights = read_weights(SNAPSHOT)
    write_any_weights(path, weights.layers, name=weights.name)
    assert read_weights(path).name == "golden_ssdh"
    assert by_name(read_any_weights(path)).keys() == by_name(weights).keys()


def test_a_scalar_is_read_as_an_array(tmp_path: Path) -> None:
    path = tmp_path / "x.caffemodel.h5"
    write_any_weights(path, [LayerWeights("a", "", (np.array(7, np.float32),))])
    (blob,) = by_name(read_any_weights(path))["a"]
    assert isinstance(blob, np.ndarray)
    np.testing.assert_array_equal(blob, np.array(7, np.float32), strict=True)


def test_shared_params_are_stored_once(tmp_path: Path) -> None:
    shared, own = np.float32([[1, 2]]), np.float32([3])
    layers = [LayerWeights("a", "", (shared, own)), LayerWeights("b", "", (shared, own + 1))]
    owners = {("b", 0): ("a", 0)}
    path = tmp_path / "x.caffemodel.h5"
    write_any_weights(path, layers, owners=owners)
    read = by_name(read_any_weights(path, owners))
    np.testing.assert_array_equal(read["b"][0], shared)
    np.testing.assert_array_equal(read["b"][1], own + 1)
    # Without knowing of the sharing, layer b has one blob.
    assert len(by_name(read_any_weights(path))["b"]) == 1


@pytest.mark.parametrize("name", ["inception_3a/1x1", "", "."])
def test_names_that_hdf5_takes_for_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError) as caught:
        write_any_weights(tmp_path / "x.h5", [LayerWeights(name, "", ())])
    assert str(caught.value) == (
        f"HDF5 cannot hold weights of a layer called '{name}'\n"
        "hint: snapshot_format: BINARYPROTO allows any name"
    )
    assert not list(tmp_path.iterdir())


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "x.caffemodel.h5"
    write_any_weights(path, read_weights(SNAPSHOT).layers)
    whole = path.read_bytes()
    for length in [8, 200, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"x\.caffemodel\.h5: is truncated or damaged: "):
            read_any_weights(path)


def test_hdf5_files_that_are_no_weights(tmp_path: Path) -> None:
    import h5py

    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["label"] = [1, 2]
    with pytest.raises(DataError, match=r"x\.h5: contains no layers of weights"):
        read_any_weights(path)
    with h5py.File(path, "w") as file:
        file["data/conv1/weights"] = [1.0]
    with pytest.raises(DataError) as caught:
        read_any_weights(path)
    assert str(caught.value).removeprefix(f"{tmp_path}/") == (
        "x.h5: '/data/conv1' is not a layer with numbered blobs\n"
        "hint: a weights file has /data/LAYER/0, /data/LAYER/1, ..."
    )
    with h5py.File(path, "w") as file:
        file["data/conv1/0"] = b"text"
    with pytest.raises(DataError, match="the dataset '/data/conv1/0' does not hold numbers"):
        read_any_weights(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read: no such file"):
        read_any_weights(tmp_path / "x.caffemodel.h5")
