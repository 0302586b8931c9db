"""`ssdh upgrade --stock-objective`: the authors' two losses as layers that every Caffe has."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery import open_net
from support.caffe_runs import inputs, pycaffe
from support.command_line import Ssdh
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"
# As the authors' V1 files write them: no propagate_down, both on the code itself.
V1 = """layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" # the classes
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } } }
layers {
  bottom: "fc"
  top: "code"
  name: "code"
  type: SIGMOID
}
layers {
  bottom: "code"
  bottom: "code"
  name: "loss_1"
  top: "loss_binary"
  type: K1_EUCLIDEAN_LOSS
  loss_weight: 1.0  #beta
}
layers {
  bottom: "code"
  bottom: "code"
  name: "loss_2"
  top: "loss_balance"
  type: K2_EUCLIDEAN_LOSS
  loss_weight: 1.0  #gamma
}
"""
INPUTS = 'input: "data"\ninput_shape { dim: 3 dim: 5 }\nforce_backward: true\n'


def gradients(file: str) -> dict[str, np.ndarray]:
    """The gradients of the recorded net's params, in one pass from the recorded weights."""
    net = open_net(file, weights=TRAIN / "init.caffemodel", phase="TRAIN", engine="torch")
    net.forward()
    net.backward()
    return {
        f"{name}/{index}": param.diff.copy()
        for name, params in net.params.items()
        for index, param in enumerate(params)
    }


def test_the_forks_net_trains_the_same_with_stock_layers(ssdh: Ssdh) -> None:
    for path in TRAIN.iterdir():
        (Path() / path.name).symlink_to(path)
    said = ssdh("upgrade", "net_ssdh_fork.prototxt", "--stock-objective").out
    assert "note: the fork's losses made Power and Reduction layers" in said
    text = Path("net_ssdh_fork_upgraded.prototxt").read_text()
    assert not re.search(r"K[12]_|Reshape|kernel_w", text)
    old, new = gradients("net_ssdh_fork.prototxt"), gradients("net_ssdh_fork_upgraded.prototxt")
    assert old.keys() == new.keys()
    for name, values in old.items():
        np.testing.assert_allclose(new[name], values, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_second_run_and_a_net_without_the_losses_find_nothing_to_do(ssdh: Ssdh) -> None:
    Path("fork.prototxt").write_bytes((TRAIN / "net_ssdh_fork.prototxt").read_bytes())
    ssdh("upgrade", "fork.prototxt", "--check")
    ssdh("upgrade", "fork.prototxt", "--stock-objective", "--check", code=1)
    ssdh("upgrade", "fork.prototxt", "--stock-objective", "--in-place")
    ssdh("upgrade", "fork.prototxt", "--stock-objective", "--check")
    Path("plain.prototxt").write_bytes((TRAIN / "net_sigmoid.prototxt").read_bytes())
    ssdh("upgrade", "plain.prototxt", "--stock-objective", "--check")


def test_v1_files_of_the_fork(ssdh: Ssdh) -> None:
    Path("old.prototxt").write_text(INPUTS + V1)
    ran = ssdh("upgrade", "old.prototxt", "--stock-objective")
    assert ran.out.count("had no propagate_down") == 2
    text = Path("old_upgraded.prototxt").read_text()
    assert re.findall(r"#.*", text) == ["# the classes", "#beta", "#gamma"]
    assert re.findall(r'type: "(\w+)"', text) == [
        *("Input", "InnerProduct", "xavier", "Sigmoid"),
        *("Power", "Reduction", "Power", "Reduction"),
    ]
    assert re.findall(r"loss_weight: (\S+)", text) == ["-1", "1.0"]


def test_without_the_option_the_forks_layers_stay(ssdh: Ssdh) -> None:
    Path("old.prototxt").write_text(INPUTS + V1)
    ssdh("upgrade", "old.prototxt")
    text = Path("old_upgraded.prototxt").read_text()
    assert 'type: "K1_EuclideanLoss"' in text
    assert 'type: "K2_EuclideanLoss"' in text


@pytest.mark.caffe
def test_stock_caffe_runs_the_forks_v1_net(ssdh: Ssdh) -> None:
    Path("old.prototxt").write_text(V1)
    ssdh("upgrade", "old.prototxt", "--stock-objective")
    text = inputs(data=(3, 5)) + Path("old_upgraded.prototxt").read_text()
    ran = pycaffe(
        Path(),
        f"""
made = net({text!r}, data=np.arange(15).reshape(3, 5))
made.forward()
found = [made.blobs[name].data.tolist() for name in ("code", "loss_binary", "loss_balance")]
""",
    )
    assert ran.found, ran.stderr
    code, binary, balance = map(np.array, ran.found)
    np.testing.assert_allclose([binary, balance], ((code - 0.5) ** 2).mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('bottom: "code"\n  bottom: "code"\n  name: "loss_1"', 'bottom: "code"\n  bottom: "fc"\n'
         '  name: "loss_1"',
         "layer 'loss_1' reads code and fc: only a loss that reads one blob twice"),
        ('  top: "loss_binary"\n', "", "layer 'loss_1' has no top"),
    ],
    ids=["two blobs", "no top"],
)  # fmt: skip
def test_what_cannot_become_stock(old: str, new: str, said: str, ssdh: Ssdh) -> None:
    assert old in V1
    Path("old.prototxt").write_text(INPUTS + V1.replace(old, new))
    assert said in ssdh("upgrade", "old.prototxt", "--stock-objective", code=3).err
    assert not Path("old_upgraded.prototxt").exists()


@pytest.mark.parametrize("rule", ['include { stage: "x" }', "include { min_level: 2 }"])
def test_losses_of_a_stage_or_level_keep_its_rule(rule: str, ssdh: Ssdh) -> None:
    text = (TRAIN / "net_ssdh_fork.prototxt").read_text()
    text = re.sub(r'(type: "(?:K[12]_EuclideanLoss|Reshape|Pooling)")', rf"\1 {rule}", text)
    Path("net.prototxt").write_text(text)
    ssdh("upgrade", "net.prototxt", "--stock-objective")
    new = Path("net_upgraded.prototxt").read_text()
    assert not re.search(r"K[12]_|Reshape|kernel_w", new)
    assert new.count(rule) == text.count(rule) - 1 + 2
