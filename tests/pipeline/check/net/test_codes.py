"""Hash layers that cannot tell their classes apart, or start where nothing moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.weights import LayerWeights, write_weights
from support.solver_findings import data, findings_of, layer, loss, product, sentences

GAUSSIAN = 'weight_filler { type: "gaussian" std: 0.005 }'
FAR = 'weight_filler { type: "gaussian" std: 0.01 }'
BINARY = layer("square", "Power", "code", more="power_param { power: 2 shift: -0.5 }") + layer(
    "binary", "Reduction", "square", more="loss_weight: -0.5 reduction_param { operation: MEAN }"
)
FIRE = (
    layer("mean", "Reduction", "code", more="reduction_param { operation: MEAN axis: 1 }")
    + layer("even", "Power", "mean", more="power_param { power: 2 shift: -0.5 }")
    + layer(
        "fire", "Reduction", "even", more="loss_weight: 0.5 reduction_param { operation: MEAN }"
    )
)
K1 = layer("binary", "K1_EuclideanLoss", "code", "code")
SOLVER = (
    'net: "net.prototxt" base_lr: 0.001 momentum: 0.9 lr_policy: "fixed" max_iter: 9 display: 1'
)


def net(
    filler: str = GAUSSIAN,
    bias: float = 0,
    bits: int = 8,
    classes: int = 4,
    terms: str = "",
    activation: str = "Sigmoid",
) -> str:
    """A net with a hash layer on 192 pixels."""
    fillers = f'{filler} bias_filler {{ type: "constant" value: {bias} }}'
    return (
        data()
        + product("latent", "data", bits, filler=fillers)
        + layer("code", activation, "latent")
        + terms
        + product("fc", "code", classes, filler=FAR)
        + loss()
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            net(bits=2, classes=5),
            "warning SSDH232: 2 bits make 4 codes, and 'fc' has 5 classes",
        ),
        (
            net(bias=1),
            "info SSDH233: the bias of 'latent' is 1: all activations start around 0.73, so that "
            "all bits are 1; they begin to differ after iterations in the order of 1,000",
        ),
        (
            net(bias=6),
            "warning SSDH234: the bias of 'latent' is 6: all activations of 'code' start around "
            "0.998, where the gradient is next to 0",
        ),
        (
            net(bias=-3, activation="TanH"),
            "warning SSDH234: the bias of 'latent' is -3: all activations of 'code' start around "
            "-0.995, where the gradient is next to 0",
        ),
        (
            net('weight_filler { type: "gaussian" std: 1 }'),
            "warning SSDH234: the weights of 'latent' make sums of around 14 of features around "
            "1: most activations of 'code' start where the gradient is next to 0",
        ),
        (
            net(terms=BINARY),
            "warning SSDH231: the term 'binary' on the code 'code' forces bits to 0 and 1, and no "
            "term keeps half of them at 1",
        ),
        (
            net(terms=K1),
            "warning SSDH231: the term 'binary' on the code 'code' forces bits to 0 and 1, and no "
            "term keeps half of them at 1",
        ),
        (
            net(terms=FIRE),
            "warning SSDH231: the term 'fire' on the code 'code' keeps half of the bits at 1, and "
            "no term forces them to 0 and 1",
        ),
    ],
)
def test_codes_that_learn_badly(folder: Path, text: str, sentence: str) -> None:
    assert sentences(findings_of(folder, text, SOLVER), "SSDH23") == [sentence]


@pytest.mark.parametrize(
    "text",
    [
        net(),
        net(bits=2, classes=4),
        net(terms=BINARY + FIRE),
        net('weight_filler { type: "xavier" }', bias=1),
        # A penalty on the code is not one of the terms.
        net(terms=layer("cost", "Reduction", "code", more="loss_weight: 0.1")),
    ],
)
def test_codes_that_are_fine(folder: Path, text: str) -> None:
    assert sentences(findings_of(folder, text, SOLVER), "SSDH23") == []


def test_a_hash_layer_from_weights_does_not_start_from_its_fillers(folder: Path) -> None:
    blobs = (np.ones((8, 192), np.float32), np.ones(8, np.float32))
    write_weights("w.caffemodel", [LayerWeights("latent", "InnerProduct", blobs)])
    found = findings_of(folder, net(bias=6), SOLVER, weights=["w.caffemodel"])
    assert sentences(found, "SSDH23") == []
