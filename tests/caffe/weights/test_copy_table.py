"""The table of what a net takes from a weights file, case by case as Caffe decides it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.binary_weights import read_weights, write_weights
from ssdh_surgery.caffe.weights.copy_table import CopyRow, copy_table, shape_equals
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights, Shape, Weights
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"


def layer(name: str, *shapes: Shape, legacy: frozenset[int] = frozenset()) -> LayerWeights:
    blobs = tuple(np.zeros(shape, np.float32) for shape in shapes)
    return LayerWeights(name, "InnerProduct", blobs, legacy)


def weights(*layers: LayerWeights) -> Weights:
    return Weights("n", layers)


def test_a_classifier_that_was_renamed_for_hashing() -> None:
    file = weights(layer("conv", (4, 3, 1, 1)), layer("relu"), layer("fc", (10, 4), (10,)))
    net: list[tuple[str, list[Shape]]] = [
        ("data", []),
        ("conv", [(4, 3, 1, 1)]),
        ("latent", [(8, 4), (8,)]),
        ("fc_change", [(10, 8), (10,)]),
    ]
    assert copy_table(net, file) == [
        CopyRow("conv", "copied", ((4, 3, 1, 1),), ((4, 3, 1, 1),)),
        CopyRow("latent", "new", ((8, 4), (8,)), ()),
        CopyRow("fc_change", "new", ((10, 8), (10,)), ()),
        CopyRow("fc", "unused", (), ((10, 4), (10,))),
    ]


@pytest.mark.parametrize(
    ("shapes", "in_file", "status"),
    [
        ([(2, 3)], layer("a", (2, 3)), "copied"),
        ([(2, 3)], layer("a", (3, 2)), "shape-clash"),
        ([(2, 3)], layer("a", (2, 3), (2,)), "shape-clash"),
        ([(2, 3), (2,)], layer("a", (2, 3)), "shape-clash"),
        ([(2, 3)], layer("a"), "shape-clash"),
        ([], layer("a", (2, 3)), "shape-clash"),
        ([(2, 3)], layer("a", (1, 1, 2, 3)), "shape-clash"),
        ([(2, 3)], layer("a", (1, 1, 2, 3), legacy=frozenset({0})), "copied"),
        ([(2, 3), (2,)], layer("a", (2, 3), (1, 1, 1, 2), legacy=frozenset({1})), "copied"),
        ([(2, 3), (2,)], layer("a", (1, 1, 2, 3), (2,), legacy=frozenset({1})), "shape-clash"),
    ],
    ids=[
        "equal", "transposed", "a blob too many", "a blob too few", "no blobs in the file",
        "no blobs in the net", "ones in front", "legacy", "legacy bias", "wrong one legacy",
    ],
)  # fmt: skip
def test_one_layer(shapes: list[Shape], in_file: LayerWeights, status: str) -> None:
    assert copy_table([("a", shapes)], weights(in_file)) == [
        CopyRow("a", status, tuple(shapes), in_file.shapes)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(
    ("shape", "file_shape", "fits"),
    [
        ((12,), (1, 1, 1, 12), True),
        ((4, 12), (1, 1, 4, 12), True),
        ((4, 12), (4, 12, 1, 1), False),
        ((), (1, 1, 1, 1), True),
        ((1, 4, 12), (1, 1, 4, 12), True),
        ((2, 3, 4, 5), (2, 3, 4, 5), True),
        ((1, 2, 3, 4, 5), (2, 3, 4, 5), False),
        ((1, 1, 1, 1, 12), (1, 1, 1, 12), False),
    ],
)
def test_legacy_shapes_count_from_the_end(shape: Shape, file_shape: Shape, fits: bool) -> None:
    assert shape_equals(shape, file_shape, legacy=True) is fits


def test_layers_without_blobs_have_no_row() -> None:
    assert copy_table([("relu", []), ("pool", [])], weights(layer("relu"), layer("norm"))) == []


def test_the_first_of_two_net_layers_with_one_name_is_copied_to() -> None:
    rows = copy_table([("a", [(1,)]), ("a", [(2,)])], weights(layer("a", (1,))))
    assert [row.status for row in rows] == ["copied", "new"]


def test_all_of_a_files_layers_with_one_name_have_to_fit() -> None:
    file = weights(layer("a", (1,)), layer("a", (2,)))
    assert copy_table([("a", [(1,)])], file) == [CopyRow("a", "shape-clash", ((1,),), ((2,),))]


def test_what_caffe_aborted_on() -> None:
    """golden/logs/weights_shape_mismatch: 24 bits were asked for, the file has 16."""
    file = read_weights(TRAIN / "init.caffemodel")
    net = [(layer.name, layer.shapes) for layer in file.layers]
    assert {row.status for row in copy_table(net, file)} == {"copied"}
    changed = [
        (name, ((24, 128), (24,)) if name == "latent_SSDH" else shapes) for name, shapes in net
    ]
    clashes = [row for row in copy_table(changed, file) if row.status != "copied"]
    assert clashes == [
        CopyRow("latent_SSDH", "shape-clash", ((24, 128), (24,)), ((16, 128), (16,)))
    ]


NET = """
layer { name: "in" type: "DummyData" top: "in"
        dummy_data_param { shape { dim: 1 dim: 2 } data_filler { value: 1 } } }
layer { name: "ip" type: "InnerProduct" bottom: "in" top: "ip"
        inner_product_param { num_output: 2 } }
layer { name: "relu" type: "ReLU" bottom: "ip" top: "ip" }
"""
PARAMS: list[tuple[str, list[Shape]]] = [("in", []), ("ip", [(2, 2), (2,)]), ("relu", [])]


def filled(name: str, *shapes: Shape, legacy: frozenset[int] = frozenset()) -> LayerWeights:
    """A layer with the weights 1, 2, 3, ... in every blob."""
    blobs = [np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape) for shape in shapes]
    return LayerWeights(name, "InnerProduct", tuple(blobs), legacy)


@pytest.mark.caffe
@pytest.mark.parametrize(
    "layers",
    [
        [filled("ip", (2, 2), (2,)), filled("old", (3,)), filled("dropout")],
        [filled("ip", (1, 1, 2, 2), (1, 1, 1, 2), legacy=frozenset({0, 1}))],
        [filled("ip", (1, 1, 2, 2), (2,))],
        [filled("ip", (2, 2))],
        [filled("ip")],
        [filled("relu", (1,))],
        [filled("ip", (2, 2), (2,)), filled("ip", (2, 3), (2,))],
    ],
    ids=["copied", "legacy", "ones in front", "one blob", "no blobs", "blobs of a ReLU", "twice"],
)
def test_caffe_agrees(layers: list[LayerWeights], caffe: Path, tmp_path: Path) -> None:
    (tmp_path / "net.prototxt").write_text(NET)
    write_weights(tmp_path / "net.caffemodel", layers, name="n")
    files = ["-model", "net.prototxt", "-weights", "net.caffemodel"]
    ran = subprocess.run(
        [caffe, "test", *files, "-iterations", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    rows = copy_table(PARAMS, read_weights(tmp_path / "net.caffemodel"))
    clashes = [row.layer for row in rows if row.status == "shape-clash"]
    said = re.findall(r"(?:weights from|blobs for) layer '?([^';\n]+)", ran.stderr)
    assert said == clashes, ran.stderr
    assert (ran.returncode == 0) == (not clashes)
    if not clashes:
        # Caffe speaks of layers without blobs too.
        ignored = re.findall(r"Ignoring source layer (\S+)", ran.stderr)
        without_blobs = {layer.name for layer in layers if not layer.blobs}
        unused = [row.layer for row in rows if row.status == "unused"]
        assert [name for name in ignored if name not in without_blobs] == unused
        # 1 * 1 + 1 * 2 + 1 and 1 * 3 + 1 * 4 + 2
        assert re.findall(r"Batch 0, ip = (\S+)", ran.stderr) == ["4", "9"]
