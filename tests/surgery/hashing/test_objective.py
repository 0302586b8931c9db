"""The full objective: what is put in, and that it trains as the records of real Caffe say."""

from __future__ import annotations

import re
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.heads import HashLayer, Head, hash_layer_below, heads
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.errors import SurgeryError
from ssdh_surgery.surgery.core.change import Change
from ssdh_surgery.surgery.core.gate import prove
from ssdh_surgery.surgery.hashing.objective import Objective, add_objective, has_objective
from ssdh_surgery.surgery.hashing.stock_objective import stock_objective
from ssdh_surgery.surgery.hashing.width import set_bits
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"
HASHED = """layer { name: "data" type: "Data" top: "data" top: "label" }
layer { name: "latent" type: "InnerProduct" bottom: "data" top: "latent" %(rule)s
  inner_product_param { num_output: 4 } }
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" %(rule)s }
layer { name: "fc" type: "InnerProduct" bottom: "code" top: "fc" %(rule)s }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" %(rule)s }
"""
PLAIN = re.sub(r" ?%\(rule\)s\s*(?=\S)", " ", HASHED)
# The authors' own layers around a code of 4 bits, as their files write them.
FORK = """layer {
  bottom: "code"
  bottom: "code"
  name: "loss_1"
  type: "K1_EuclideanLoss"  # forces bits apart
  propagate_down: 1
  propagate_down: 0
  top: "loss: forcing-binary"
  loss_weight: 2
}
layer {
  name: "code_reshape"
  type: "Reshape"
  bottom: "code"
  top: "code_reshape"
  reshape_param {
    shape {
      dim: 0  # copy the dimension from below
      dim: 1
      dim: 1
      dim: -1 # infer it from the other dimensions
    }
  }
}
layer {
  name: "code_avg"
  type: "Pooling"
  bottom: "code_reshape"
  top: "code_avg"
  pooling_param {
    pool: AVE
    kernel_h: 1
    kernel_w: 4
  }
}
layer {
  bottom: "code_avg"
  bottom: "code_avg"
  name: "loss_2"
  type: "K2_EuclideanLoss"
  propagate_down: 1
  propagate_down: 0
  top: "loss: 50%-fire-rate"
}
"""


def net(text: str | bytes) -> Net:
    return Net(parse(text if isinstance(text, bytes) else text.encode(), "n.prototxt"))


def parts(of: Net) -> tuple[Head, HashLayer]:
    (head,) = heads(of)
    hashed = hash_layer_below(of, head.classifier)
    assert hashed is not None
    return head, hashed


def made(of: Net, change: Change) -> str:
    return prove(of.document, change, "NetParameter").document.text


def with_objective(text: str | bytes, **choices: Any) -> str:
    of = net(text)
    return made(of, add_objective(of, *parts(of), Objective(**choices)))


STOCK = """layer { name: "forcing_binary_square" type: "Power" bottom: "code" \
top: "forcing_binary_square" power_param { power: 2 shift: -0.5 } }
layer { name: "forcing_binary" type: "Reduction" bottom: "forcing_binary_square" \
top: "forcing_binary" loss_weight: -0.5 reduction_param { operation: MEAN } }
layer { name: "fire_rate_mean" type: "Reduction" bottom: "code" top: "fire_rate_mean" \
reduction_param { operation: MEAN axis: 1 } }
layer { name: "fire_rate_square" type: "Power" bottom: "fire_rate_mean" \
top: "fire_rate_square" power_param { power: 2 shift: -0.5 } }
layer { name: "fire_rate" type: "Reduction" bottom: "fire_rate_square" top: "fire_rate" \
loss_weight: 0.5 reduction_param { operation: MEAN } }
"""


def test_stock_layers_stand_between_code_and_classifier() -> None:
    before = PLAIN
    place = before.index('layer { name: "fc"')
    assert with_objective(before) == before[:place] + STOCK + before[place:]


def test_a_net_with_the_terms_keeps_them() -> None:
    of = net(with_objective(PLAIN))
    assert has_objective(of, parts(of)[1])
    assert add_objective(of, *parts(of), Objective(weight_binary=Decimal(9))) == Change()
    plain = net(PLAIN)
    assert not has_objective(plain, parts(plain)[1])


def test_weights() -> None:
    weights = dict(zip(("binary", "fire", "class"), (Decimal("0.4"), Decimal(3), 2), strict=True))
    text = with_objective(PLAIN, **{f"weight_{name}": value for name, value in weights.items()})
    assert re.findall(r"loss_weight: (\S+)", text) == ["-0.2", "1.5", "2"]
    twice = HASHED.replace('top: "loss"', 'top: "loss" loss_weight: 0.3') % {"rule": ""}
    assert "loss_weight: 0.6" in with_objective(twice, weight_class=Decimal(2))


def test_a_term_of_weight_0_is_left_out() -> None:
    text = with_objective(PLAIN, weight_binary=Decimal(0))
    assert "forcing_binary" not in text
    assert 'name: "fire_rate"' in text
    text = with_objective(PLAIN, kind="fork", weight_fire=Decimal(0))
    assert "K1_EuclideanLoss" in text
    assert "fire_rate" not in text


@pytest.mark.parametrize(
    ("rule", "narrowed"),
    [
        ("", "include { phase: TRAIN }"),
        ("include { phase: TRAIN }", "include { phase: TRAIN }"),
        ("include { min_level: 0 }", "include { phase: TRAIN min_level: 0 }"),
        ("include { phase: TEST } include { phase: TRAIN }", "include { phase: TRAIN }"),
        ('exclude { stage: "s" }', 'exclude { stage: "s" } exclude { phase: TEST }'),
    ],
)
def test_the_terms_are_where_the_code_is(rule: str, narrowed: str) -> None:
    for objective, expected in (({}, rule), ({"train_only": True}, narrowed)):
        text = with_objective(HASHED % {"rule": rule}, **objective)
        rows = [row for row in text.splitlines() if '"fire_rate' in row or '"forcing' in row]
        assert len(rows) == 5
        for row in rows:
            assert " ".join(re.findall(r"(?:include|exclude) \{[^}]*\}", row)) == expected


def test_names_that_are_taken_get_a_number() -> None:
    taken = HASHED.replace('name: "data"', 'name: "fire_rate"') % {"rule": ""}
    assert 'name: "fire_rate_2"' in with_objective(taken)


def test_old_dialects_need_an_upgrade() -> None:
    text = """layers { name: "data" type: DATA top: "data" top: "label" }
layers { name: "latent" type: INNER_PRODUCT bottom: "data" top: "latent" }
layers { name: "code" type: SIGMOID bottom: "latent" top: "code" }
layers { name: "fc" type: INNER_PRODUCT bottom: "code" top: "fc" }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" top: "loss" }
"""
    with pytest.raises(SurgeryError) as caught:
        with_objective(text)
    assert str(caught.value) == (
        "n.prototxt:1:1: the full objective needs layers that Caffe's dialect V1 does not have\n"
        '  1 | layers { name: "data" type: DATA top: "data" top: "label" }\n'
        "    | ^^^^^^\n"
        "hint: use --upgrade, or ssdh upgrade first, to write the net in the current dialect"
    )


def test_other_bits_reach_the_forks_pooling() -> None:
    of = net(with_objective(PLAIN, kind="fork"))
    text = made(of, set_bits(of, parts(of)[1], 6))
    assert "kernel_w: 6" in text
    assert "num_output: 6" in text
    assert set_bits(of, parts(of)[1], 4) == Change()


def test_fork_becomes_stock() -> None:
    head, tail = PLAIN.split('layer { name: "fc"')
    of = net(f'{head}{FORK}layer {{ name: "fc"{tail}')
    stocked = stock_objective(of)
    assert stocked.notes == ()
    text = made(of, stocked.change)
    assert text == f'{head}{STOCKED}layer {{ name: "fc"{tail}'
    again = net(text)
    assert stock_objective(again).change == Change()
    assert has_objective(again, parts(again)[1])


STOCKED = """layer {
  name: "loss_1_square"
  type: "Power"
  bottom: "code"
  top: "loss_1_square"
  power_param { power: 2 shift: -0.5 }
}
layer {
  bottom: "loss_1_square"
  name: "loss_1"
  type: "Reduction"  # forces bits apart
  top: "loss_forcing-binary"
  loss_weight: -1
  reduction_param { operation: MEAN }
}
layer {
  name: "code_avg"
  type: "Reduction"
  bottom: "code"
  top: "code_avg"
  reduction_param { operation: MEAN axis: 1 }
}
layer {
  name: "loss_2_square"
  type: "Power"
  bottom: "code_avg"
  top: "loss_2_square"
  power_param { power: 2 shift: -0.5 }
}
layer {
  bottom: "loss_2_square"
  name: "loss_2"
  type: "Reduction"
  top: "loss_50%-fire-rate"
  loss_weight: 0.5
  reduction_param { operation: MEAN }
}
"""


# ---------------------------------------------------------------- what the nets do


def gradients(text: str | bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The total loss and the gradients of the recorded net's parameters, one pass."""
    from ssdh_surgery.engines.open_net import open_net

    monkeypatch.chdir(TRAIN)
    file = folder / "net.prototxt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    opened = open_net(file, weights=TRAIN / "init.caffemodel", phase="TRAIN", engine="torch")
    tops = opened.forward()
    opened.backward()
    found = {
        f"{name}/{i}": param.diff.copy()
        for name, params in opened.params.items()
        for i, param in enumerate(params)
    }
    return {**found, "outputs": sorted(float(np.sum(top)) for top in tops.values())}


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Gradients agree to float noise; in outputs the fork's have the factor in them."""
    keys = sorted(key for key in one if key != "outputs")
    assert keys == sorted(key for key in other if key != "outputs")
    for key in keys:
        np.testing.assert_allclose(one[key], other[key], rtol=1e-4, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("kind", ["stock", "fork"])
def test_gradients_are_those_of_the_recorded_net(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = with_objective((TRAIN / "net_sigmoid.prototxt").read_bytes(), kind=kind)
    recorded = (TRAIN / "net_ssdh.prototxt").read_bytes()
    found = gradients(ours, tmp_path, monkeypatch)
    expected = gradients(recorded, tmp_path, monkeypatch)
    same(found, expected)
    if kind == "stock":
        np.testing.assert_allclose(found["outputs"], expected["outputs"], rtol=1e-5)
    plain = gradients((TRAIN / "net_sigmoid.prototxt").read_bytes(), tmp_path, monkeypatch)
    assert not np.allclose(plain["latent_SSDH/0"], found["latent_SSDH/0"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("propagate_down", ["propagate_down: 1 propagate_down: 0 ", ""])
def test_stock_layers_train_as_the_forks(
    propagate_down: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (TRAIN / "net_ssdh_fork.prototxt").read_text()
    text = text.replace("propagate_down: 1 propagate_down: 0 ", propagate_down)
    of = net(text)
    stocked = stock_objective(of)
    assert len(stocked.notes) == (0 if propagate_down else 2)
    stock = made(of, stocked.change)
    assert not re.search("K[12]_|Reshape|kernel_w", stock)
    same(gradients(stock, tmp_path, monkeypatch), gradients(text, tmp_path, monkeypatch))


@pytest.mark.caffe
def test_trains_on_caffe_as_recorded(tmp_path: Path, caffe: Path) -> None:
    folder = tmp_path / "train"
    shutil.copytree(TRAIN, folder)
    ours = with_objective((TRAIN / "net_sigmoid.prototxt").read_bytes())
    (folder / "net_ssdh.prototxt").write_text(ours)
    (folder / "snap_sgd_step_ssdh_iter_20.caffemodel").unlink()
    solver = folder / "solver_sgd_step_ssdh.prototxt"
    solver.write_text(solver.read_text().replace("snapshot_after_train: false", ""))
    subprocess.run(
        [caffe, "train", "--solver=solver_sgd_step_ssdh.prototxt", "-weights", "init.caffemodel"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    from ssdh_surgery.caffe.weights.binary_weights import read_weights

    weights = read_weights(folder / "snap_sgd_step_ssdh_iter_20.caffemodel")
    found = {layer.name: layer.blobs for layer in weights.layers}
    recorded = np.load(TRAIN / "golden_sgd_step_ssdh.npz")
    for name in recorded.files:
        if "/" not in name:
            continue
        layer, index = name.rsplit("/", 1)
        values = found[layer][int(index)]
        error = np.linalg.norm(values - recorded[name]) / np.linalg.norm(recorded[name])
        assert error < 2e-3, name


def test_codes_of_a_sequence_fire_by_their_own_axis() -> None:
    text = PLAIN.replace("num_output: 4 }", "num_output: 4 axis: 2 }", 1)
    assert text != PLAIN
    assert "operation: MEAN axis: 2" in with_objective(text)
    with pytest.raises(SurgeryError, match="'code' has its bits on axis 2"):
        with_objective(text, kind="fork")
