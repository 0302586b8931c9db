"""Layers that start equal and stay so, as Caffe shows, and those that constants do not hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.weights import LayerWeights, read_weights, write_weights
from support.caffe_runs import run_caffe
from support.solver_findings import (
    SOLVER,
    data,
    findings_of,
    layer,
    loss,
    product,
    sentences,
    write_run,
)

NONE, ONES = " ", "weight_filler { value: 0.1 }"
RANDOM = 'weight_filler { type: "xavier" }'


def chain(lower: str, activation: str, upper: str) -> str:
    """Two layers with fillers, and an activation between them."""
    return (
        data()
        + product("a", "data", filler=lower)
        + layer("between", activation, "a")
        + product("fc", "between", filler=upper)
        + loss()
    )


ZERO = (
    "warning SSDH225: 'a' and 'fc' start with weights of 0 (no weight_filler), get no gradient, "
    "and stay 0"
)
EQUAL = (
    "warning SSDH225: 'a' and 'fc' start with equal weights{}: the 4 units of 'a' get equal "
    "gradients, and stay equal"
)
STUCK = [
    (chain(NONE, "ReLU", NONE), ZERO),
    (chain(NONE, "TanH", NONE), ZERO),
    (chain(NONE, "Dropout", NONE), ZERO),
    (
        chain(NONE, "ReLU", RANDOM),
        "warning SSDH225: 'a' starts with weights of 0 (no weight_filler), gets no gradient, and "
        "stays 0",
    ),
    (chain(NONE, "Sigmoid", NONE), EQUAL.format(" (no weight_filler)")),
    (chain(ONES, "ReLU", ONES), EQUAL.format("")),
]
FINE = [
    chain(RANDOM, "ReLU", NONE),
    chain(NONE, "Sigmoid", RANDOM),
    chain(NONE, "TanH", RANDOM),
    # Units that are dropped get other gradients.
    chain(ONES, "Dropout", ONES),
    # Units with biases of their own are not equal.
    chain(f'{ONES} bias_filler {{ type: "uniform" }}', "Sigmoid", ONES),
    data() + product("fc", "data", filler=NONE) + loss(),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("net", "sentence"), STUCK)
def test_layers_that_stay_as_they_are(folder: Path, net: str, sentence: str) -> None:
    assert sentences(findings_of(folder, net), "SSDH225") == [sentence]


@pytest.mark.parametrize("net", FINE)
def test_constants_that_training_tells_apart(folder: Path, net: str) -> None:
    assert sentences(findings_of(folder, net), "SSDH225") == []


def test_layers_that_weights_hold(folder: Path) -> None:
    write_weights(
        "w.caffemodel",
        [
            LayerWeights("a", "InnerProduct", (np.ones((4, 192), np.float32), np.ones(4))),
            LayerWeights("fc", "InnerProduct", (np.ones((4, 4), np.float32), np.ones(4))),
        ],
    )
    found = findings_of(folder, chain(NONE, "ReLU", NONE), weights=["w.caffemodel"])
    assert sentences(found, "SSDH225") == []
    resumed = findings_of(folder, chain(NONE, "ReLU", NONE), snapshot="run_iter_9.solverstate")
    assert sentences(resumed, "SSDH225") == []


def test_old_dialects_have_the_same_fillers(folder: Path) -> None:
    net = """
layers { name: "data" type: DUMMY_DATA top: "data" top: "label" dummy_data_param {
  num: 4 num: 4 channels: 3 channels: 1 height: 8 height: 1 width: 8 width: 1 } }
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv"
  convolution_param { num_output: 4 kernel_size: 3 } }
layers { name: "relu" type: RELU bottom: "conv" top: "conv" }
layers { name: "fc" type: INNER_PRODUCT bottom: "conv" top: "fc"
  inner_product_param { num_output: 4 } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" }
"""
    (sentence,) = sentences(findings_of(folder, net), "SSDH225")
    assert sentence.startswith("warning SSDH225: 'conv' and 'fc' start with weights of 0")


@pytest.mark.caffe
@pytest.mark.parametrize("net", [net for net, _ in STUCK] + FINE[:3])
def test_what_caffe_learns_of_it(folder: Path, net: str) -> None:
    """Rows of the lower layer stay equal exactly where there is a finding."""
    solver = SOLVER + 'snapshot_prefix: "run" solver_mode: CPU random_seed: 1'
    net = net.replace('type: "constant" value: 1', 'type: "uniform" max: 1')
    write_run(folder, net, solver)
    assert run_caffe(folder).returncode == 0
    rows = next(
        each.blobs[0] for each in read_weights("run_iter_40.caffemodel").layers if each.name == "a"
    )
    is_equal = bool(np.all(rows == rows[0]))
    assert is_equal == bool(sentences(findings_of(folder, net), "SSDH225"))
