"""BatchNorm layers without statistics, or with those of next to no values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.weights import LayerWeights, write_weights
from support.caffe_runs import inputs, pycaffe
from support.solver_findings import SOLVER, data, findings_of, layer, loss, product, sentences

SCALE = layer("scale", "Scale", "norm", more="scale_param { bias_term: true }")
STORED = "batch_norm_param { use_global_stats: true }"


def net(more: str = "", items: int = 4, scale: str = SCALE) -> str:
    """A BatchNorm on images."""
    top = "scale" if scale else "norm"
    norm = layer("norm", "BatchNorm", "data", more=more)
    return data(items) + norm + scale + product("fc", top) + loss()


def product_net(items: int) -> str:
    """A BatchNorm on the outputs of a fully connected layer."""
    norm = layer("norm", "BatchNorm", "a")
    return data(items) + product("a", "data") + norm + SCALE + product("fc", "scale") + loss()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            net(STORED),
            "warning SSDH222: BatchNorm 'norm' uses stored statistics (use_global_stats: true), "
            "and there are no weights that hold them: with mean and variance 0 it multiplies by "
            "316",
        ),
        (
            net(items=1),
            "warning SSDH223: BatchNorm 'norm' measures mean and variance of a single image, 64 "
            "values per channel",
        ),
        (
            product_net(1),
            "warning SSDH223: BatchNorm 'norm' measures mean and variance of one value per "
            "channel, so that its top is all 0",
        ),
        (
            product_net(3),
            "warning SSDH223: BatchNorm 'norm' measures mean and variance of 3 values per channel",
        ),
        (net(scale=""), "info SSDH224: no Scale follows BatchNorm 'norm'"),
    ],
)
def test_statistics_that_are_not_there(folder: Path, text: str, sentence: str) -> None:
    assert sentences(findings_of(folder, text), "SSDH22") == [sentence]


@pytest.mark.parametrize(
    "text",
    [
        net(),
        product_net(8),
        net("include { phase: TRAIN }"),
        net("batch_norm_param { use_global_stats: false }"),
        # A fork learns factor and bias in the layer itself.
        net("batch_norm_param { scale_bias: true }", scale=""),
    ],
)
def test_statistics_that_are_fine(folder: Path, text: str) -> None:
    assert sentences(findings_of(folder, text), "SSDH222", "SSDH223", "SSDH224") == []


def test_tests_that_measure_their_batch(folder: Path) -> None:
    solver = SOLVER + "test_iter: 1 test_interval: 20"
    measured = net("batch_norm_param { use_global_stats: false }", items=1)
    found = sentences(findings_of(folder, measured, solver), "SSDH223")
    assert [each.endswith("64 values per channel in TEST") for each in found] == [False, True]
    found = sentences(findings_of(folder, net(items=1), solver), "SSDH223")
    assert [each.endswith("64 values per channel") for each in found] == [True]


def test_stored_statistics_of_weights(folder: Path) -> None:
    blobs = tuple(np.ones(size, np.float32) for size in (3, 3, 1))
    write_weights("w.caffemodel", [LayerWeights("norm", "BatchNorm", blobs)])
    assert sentences(findings_of(folder, net(STORED), weights=["w.caffemodel"]), "SSDH222") == []
    assert (
        sentences(findings_of(folder, net(STORED), snapshot="run_iter_9.solverstate"), "SSDH222")
        == []
    )
    assert sentences(findings_of(folder, net(STORED, items=1)), "SSDH223") == []


@pytest.mark.caffe
def test_what_caffe_makes_of_it(tmp_path: Path) -> None:
    one = inputs(x=(1, 2)) + 'layer { name: "n" type: "BatchNorm" bottom: "x" top: "out" }'
    stored = one.replace('top: "out"', f'top: "out" {STORED}')
    run = pycaffe(
        tmp_path,
        f"found = [forward({one!r}, x=[[3, 5]]), forward({stored!r}, x=[[3, 5]])]",
    )
    assert run.found[0] == [[0, 0]]
    assert run.found[1][0] == pytest.approx([3 * 316.23, 5 * 316.23], rel=1e-4)
