"""The objective's terms on codes of any size: the fork's layers, stock ones, the formulas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdh_surgery import open_net, parse
from ssdh_surgery.caffe.net.heads import hash_layer_below, heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing.objective import Objective, add_objective
from support.paths import DOCS, GOLDEN

PAGE = DOCS / "presets.md"
RECORDS = GOLDEN / "layers"
NET = """\
layer {{ name: "in" type: "Input" top: "in" input_param {{ shape {{ dim: {n} dim: 3 }} }} }}
layer {{ name: "label" type: "Input" top: "label" input_param {{ shape {{ dim: {n} }} }} }}
layer {{ name: "latent" type: "InnerProduct" bottom: "in" top: "latent" inner_product_param {{
  num_output: {k} weight_filler {{ type: "gaussian" std: 2 }} }} }}
layer {{ name: "code" type: "Sigmoid" bottom: "latent" top: "code" }}
layer {{ name: "fc" type: "InnerProduct" bottom: "code" top: "fc" inner_product_param {{
  num_output: 4 }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }}
"""


def opened(folder: Path, kind: str, n: int, k: int) -> Any:
    """The net with the terms of one kind, both with weights that tell them apart."""
    document = parse(NET.format(n=n, k=k).encode())
    of = Net(document)
    (head,) = heads(of)
    hashed = hash_layer_below(of, head.classifier)
    assert hashed is not None
    objective = Objective(kind, weight_binary=3, weight_fire=5)  # type: ignore[arg-type]
    text = bytes(
        prove(document, add_objective(of, head, hashed, objective), "NetParameter").document
    )
    file = folder / f"{kind}.prototxt"
    file.write_bytes(text)
    return open_net(file, phase="TRAIN", engine="torch")


@pytest.mark.parametrize(("n", "k"), [(1, 1), (1, 12), (3, 1), (5, 8), (32, 48), (7, 129)])
def test_the_forks_layers_are_the_stock_ones(n: int, k: int, tmp_path: Path) -> None:
    """The classifier's weights are 0: nothing but the terms reaches the code."""
    rng = np.random.default_rng(n * 1000 + k)
    nets = {kind: opened(tmp_path, kind, n, k) for kind in ("stock", "fork")}
    weights = rng.normal(size=(k, 3)).astype(np.float32)
    images = rng.normal(size=(n, 3)).astype(np.float32)
    for net in nets.values():
        net.params["latent"][0].data[...] = weights
        net.forward(**{"in": images, "label": np.zeros(n)})
        net.backward()
    a = 1 / (1 + np.exp(-images.astype(np.float64) @ weights.T))
    binary = -((a - 0.5) ** 2).mean() / 2
    mean = a.mean(axis=1, keepdims=True) - 0.5
    fire = (mean**2).mean() / 2
    slope = 3 * -(a - 0.5) / (n * k) + 5 * mean / (n * k)
    stock, fork = nets["stock"], nets["fork"]
    # The stock terms have their factor of 1/2 and the sign in the loss weight.
    assert stock.blobs["forcing_binary"].data * -0.5 == pytest.approx(binary, rel=1e-4)
    assert stock.blobs["fire_rate"].data * 0.5 == pytest.approx(fire, rel=1e-4, abs=1e-9)
    assert fork.blobs["forcing_binary"].data == pytest.approx(binary, rel=1e-4)
    assert fork.blobs["fire_rate"].data == pytest.approx(fire, rel=1e-4, abs=1e-9)
    for net in (stock, fork):
        np.testing.assert_allclose(net.blobs["code"].diff, slope, rtol=1e-3, atol=1e-7)
    expected = (slope * a * (1 - a)).T @ images
    np.testing.assert_allclose(stock.params["latent"][0].diff, expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(
        fork.params["latent"][0].diff, stock.params["latent"][0].diff, rtol=1e-3, atol=1e-7
    )


@pytest.mark.parametrize("name", ["k1_euclidean_loss", "k2_euclidean_loss", "k2_fire_rate_chain"])
def test_the_forks_own_records_are_the_formulas(name: str) -> None:
    """What the authors' code computed, against the formulas that the test above uses."""
    record = np.load(RECORDS / f"{name}.npz")
    a = record["bottom0"].astype(np.float64)
    x = a.mean(axis=1, keepdims=True) if "chain" in name else a
    sign = -1 if name.startswith("k1") else 1
    top = next(record[key] for key in record.files if key.startswith("top"))
    assert float(top) == pytest.approx(sign * ((x - 0.5) ** 2).mean() / 2, rel=1e-5)


@pytest.mark.parametrize("power", [1, 2])
def test_the_loss_for_several_labels_on_the_page(power: int, tmp_path: Path) -> None:
    (block,) = re.findall(r"```\n(layer.*?)```", PAGE.read_text(), re.DOTALL)
    if power == 1:
        block = block.replace('bottom: "square" top: "each"', 'bottom: "margin" top: "each"')
        block += 'layer { name: "quiet" type: "Silence" bottom: "square" }\n'
    shape = "input_param { shape { dim: 6 dim: 5 } }"
    inputs = "".join(
        f'layer {{ name: "{name}" type: "Input" top: "{name}" {shape} }}\n'
        for name in ("scores", "label")
    )
    (tmp_path / "n.prototxt").write_text(f"force_backward: true\n{inputs}{block}")
    net = open_net(tmp_path / "n.prototxt", phase="TRAIN", engine="torch")
    rng = np.random.default_rng(power)
    scores = rng.normal(0.5, 1.5, (6, 5))
    label = rng.integers(0, 2, (6, 5))
    found = net.forward(scores=scores, label=label)
    net.backward()
    short = np.maximum(0, np.where(label == 1, 1 - scores, scores))
    assert {0, 1} == set(np.ravel(short > 0).astype(int))
    # The weight is a half, and an image's loss is the sum over its labels.
    assert float(found["loss"]) / 2 == pytest.approx((short**power / 2).sum() / 6, rel=1e-5)
    slope = power * short ** (power - 1) * (short > 0) / 2 / 6 * np.where(label == 1, -1, 1)
    np.testing.assert_allclose(net.blobs["scores"].diff, slope, rtol=1e-4, atol=1e-7)
