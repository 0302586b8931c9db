"""`ssdh weights`: blobs with their statistics, a comparison, and what a net copies."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.caffe.messages.dialect import Dialect
from ssdh_surgery.caffe.weights.weights import (
    LayerWeights,
    read_any_weights,
    write_any_weights,
    write_weights,
)
from support.command_line import Ssdh
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"
STATE = TRAIN / "snap_sgd_step_ssdh_iter_20.solverstate"


def layer(name: str, *blobs: np.ndarray) -> LayerWeights:
    return LayerWeights(name, "InnerProduct", tuple(np.float32(blob) for blob in blobs))


def test_weights_of_caffe_as_protobuf_reads_them(ssdh: Ssdh) -> None:
    told = ssdh("weights", str(TRAIN / "init.caffemodel"), "--json").json
    net = schema.NetParameter.FromString((TRAIN / "init.caffemodel").read_bytes())
    expected = [
        (each.name, each.type, list(blob.shape.dim), len(blob.data), min(blob.data), max(blob.data))
        for each in net.layer
        for blob in each.blobs
    ]
    assert expected == [
        tuple(row[key] for key in ("layer", "type", "shape", "count", "min", "max"))
        for row in told["blobs"]
    ]
    for row, blob in zip(
        told["blobs"], [blob for each in net.layer for blob in each.blobs], strict=True
    ):
        values = np.array(list(blob.data))
        assert row["mean"] == pytest.approx(values.mean(), abs=1e-12)
        assert row["std"] == pytest.approx(values.std(), rel=1e-9, abs=1e-9)
        assert row["zeros"] == list(blob.data).count(0)
    assert told["totals"]["count"] == sum(row["count"] for row in told["blobs"])


def test_what_is_odd_is_marked(ssdh: Ssdh) -> None:
    bad = np.ones((2, 3))
    bad[0, 0], bad[1, 1] = np.nan, np.inf
    write_any_weights("w.caffemodel", [layer("a", bad, [0, 0]), layer("b", [[np.nan]])])
    assert ssdh("weights", "w.caffemodel").out.splitlines() == [
        "w.caffemodel: weights of 2 layers",
        "layer  type          blob  shape  values  mean  std  min  max   zeros",
        "a      InnerProduct     0  2x3         6     1    0    1    1  <- 1 nan, 1 inf",
        "a      InnerProduct     1  2           2     0    0    0    0  100.0%  <- all zero",
        "b      InnerProduct     0  1x1         1     -    -    -    -  <- 1 nan",
        "total: 9 values in 3 blobs, 22.22% zeros, 2 nan, 1 inf",
    ]
    (row,) = ssdh("weights", "w.caffemodel", "--json").json["blobs"][2:]
    assert (row["mean"], row["min"], row["nan"], row["inf"]) == (None, None, 1, 0)


@pytest.mark.parametrize("form", ["v1", "h5"])
def test_other_forms_hold_the_same(ssdh: Ssdh, form: str) -> None:
    layers = read_any_weights(TRAIN / "init.caffemodel").layers
    layers = tuple(each for each in layers if each.blobs)
    name = "w.caffemodel.h5" if form == "h5" else "w.caffemodel"
    if form == "h5":
        write_any_weights(name, layers)
    else:
        write_weights(name, layers, dialect=Dialect.V1)
    told = ssdh("weights", name, "--compare", str(TRAIN / "init.caffemodel"), "--json").json
    assert told["is_same"]
    assert {(row["status"], row["distance"]) for row in told["blobs"]} == {("same", 0.0)}
    assert ssdh("weights", name, "--json").json["totals"]["count"] == 2638


def test_a_solverstate(ssdh: Ssdh) -> None:
    told = ssdh("weights", str(STATE), "--json").json
    assert (told["kind"], told["iteration"]) == ("solverstate", 20)
    assert told["learned_net"] == "snap_sgd_step_ssdh_iter_20.caffemodel"
    assert [row["index"] for row in told["blobs"]] == list(range(10))
    assert "a solver's state at iteration 20" in ssdh("weights", str(STATE)).out


def test_a_comparison(ssdh: Ssdh) -> None:
    ours = np.array([[3, 4], [0, 0]])
    write_any_weights(
        "a.caffemodel",
        [layer("conv1", ours), layer("fc", [1, 2]), layer("same", [1]), layer("here", [1])],
    )
    write_any_weights(
        "b.caffemodel",
        [
            layer("net/Conv_1", ours),
            layer("fc", [1, 2, 3]),
            layer("same", [2]),
            layer("there", [1]),
        ],
    )
    told = ssdh("weights", "a.caffemodel", "--compare", "b.caffemodel", "--json", code=1).json
    rows = {row["layer"] or row["other_layer"]: row for row in told["blobs"]}
    assert {name: row["status"] for name, row in rows.items()} == {
        "conv1": "same",
        "fc": "other-shape",
        "same": "different",
        "here": "only-here",
        "there": "only-there",
    }
    assert rows["conv1"]["other_layer"] == "net/Conv_1"
    assert (rows["same"]["distance"], rows["same"]["max_difference"]) == (1, 1)


@pytest.mark.parametrize("name", ["Conv1", "conv_1", "net/conv1", "conv1.new"])
def test_names_that_nearly_match(ssdh: Ssdh, name: str) -> None:
    values = np.array([[3, 4], [0, 0]])
    write_any_weights("a.caffemodel", [layer("conv1", values), layer("x", [1])])
    write_any_weights("b.caffemodel", [layer("x", [1]), layer(name, values * [[1.5], [1]])])
    ran = ssdh("weights", "a.caffemodel", "--compare", "b.caffemodel", code=1)
    assert ran.out.splitlines() == [
        f"{'layer':{len(name) + 9}}  blob  shape  distance  largest",
        f"conv1 -> {name}     0  2x2         0.5        2",
        "2 blobs: 1 the same, 1 with other values, 1 under another name",
    ]
    write_any_weights("b.caffemodel", [layer("x", [1]), layer(name, values)])
    ran = ssdh("weights", "a.caffemodel", "--compare", "b.caffemodel", code=1)
    assert f"conv1 -> {name}     0  2x2           0        0  the same values\n" in ran.out


def test_values_that_are_not_finite_have_no_distance(ssdh: Ssdh) -> None:
    write_any_weights("a.caffemodel", [layer("a", [np.nan, 1]), layer("b", [1, np.inf])])
    write_any_weights("b.caffemodel", [layer("a", [np.nan, 1]), layer("b", [1, 2])])
    told = ssdh("weights", "a.caffemodel", "--compare", "b.caffemodel", "--json", code=1).json
    assert [(row["status"], row["distance"]) for row in told["blobs"]] == [
        ("same", 0.0),
        ("different", None),
    ]


def test_what_a_net_copies(ssdh: Ssdh) -> None:
    shutil.copy(TRAIN / "net_ssdh.prototxt", "net.prototxt")
    shutil.copytree(TRAIN / "train_lmdb", "train_lmdb")
    weights = list(read_any_weights(TRAIN / "init.caffemodel").layers)
    write_any_weights("w.caffemodel", weights)
    ran = ssdh("weights", "w.caffemodel", "--net", "net.prototxt")
    assert "5 of 5 layers of the two are copied" in ran.out
    by_name = {each.name: each for each in weights}
    renamed = LayerWeights("Conv1", "Convolution", by_name["conv1"].blobs)
    write_any_weights("w.caffemodel", [renamed, by_name["a"], layer("b", [1], [1])])
    told = ssdh("weights", "w.caffemodel", "--net", "net.prototxt", "--json", code=1).json
    assert {row["layer"]: row["status"] for row in told["weights"]} == {
        "conv1": "new",
        "a": "copied",
        "b": "shape-clash",
        "latent_SSDH": "new",
        "classifier_change": "new",
        "Conv1": "unused",
    }
    assert told["renamed"] == [{"layer": "conv1", "file_layer": "Conv1"}]
    out = ssdh("weights", "w.caffemodel", "--net", "net.prototxt", code=1).out
    assert "'conv1' of the net may be 'Conv1' of the file" in out


def test_files_that_hold_no_weights(ssdh: Ssdh, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    weights = str(STATE.with_suffix(".caffemodel"))
    for name, said in (
        ("none", "none: cannot read: no such file"),
        ("empty", "empty: is empty"),
        (str(TRAIN / "net_ssdh.prototxt"), "is a prototxt, not weights"),
        (str(TRAIN / "mean.binaryproto"), "is a mean image, not weights"),
        (str(TRAIN / "train_lmdb"), "is a folder, not a file"),
    ):
        assert said in ssdh("weights", name, code=3).err
        assert said in ssdh("weights", weights, "--compare", name, code=3).err
    ssdh("weights", "a", "--compare", "b", "--net", "c", code=2)
