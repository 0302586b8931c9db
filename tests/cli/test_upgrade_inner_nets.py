"""`ssdh upgrade` of solvers that hold their nets, which Caffe upgrades with them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ssdh_surgery.caffe.messages import schema
from support.command_line import Ssdh

NET = """
name: "mine"  # my own
layers {
  name: "data"
  type: DUMMY_DATA
  top: "data"
  top: "label"
  dummy_data_param { num: 2 channels: 3 height: 4 width: 4 num: 2 channels: 1 height: 1 width: 1 }
}
# the classes
layers {
  name: "fc"
  type: INNER_PRODUCT
  bottom: "data"
  top: "fc"
  blobs_lr: 1  # of the weights
  blobs_lr: 2
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } }
}
layers { name: "loss" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" }
"""
V0 = """
layers { layer { name: "ip" type: "innerproduct" num_output: 3 } bottom: "data" top: "ip" }
input: "data" input_dim: 1 input_dim: 3 input_dim: 4 input_dim: 4
"""
SOLVER = """# fast
base_lr: 0.1
lr_policy: "fixed"
max_iter: 2
solver_type: NESTEROV
solver_mode: CPU
momentum: 0.9
snapshot_after_train: false
"""


def indented(text: str) -> str:
    return re.sub(r"(?m)^(?=.)", "  ", text)


def solver(**nets: str) -> str:
    return SOLVER + "".join(f"{name} {{{indented(net)}}}\n" for name, net in nets.items())


def upgraded(ssdh: Ssdh, text: str, name: str) -> str:
    Path(name).write_text(text)
    ssdh("upgrade", name, "--in-place")
    return Path(name).read_text()


@pytest.mark.parametrize("field", ["net_param", "train_net_param", "test_net_param"])
@pytest.mark.parametrize("net", [NET, V0], ids=["V1", "V0"])
def test_a_net_inside_becomes_what_it_becomes_alone(field: str, net: str, ssdh: Ssdh) -> None:
    alone = upgraded(ssdh, net, "net.prototxt")
    inside = upgraded(ssdh, solver(**{field: net}), "solver.prototxt")
    wanted = solver(**{field: alone}).replace("solver_type: NESTEROV", 'type: "Nesterov"')
    found = schema.parse_text(inside, "SolverParameter")
    assert found == schema.parse_text(wanted, "SolverParameter")
    assert re.findall("#.*", inside) == re.findall("#.*", solver(**{field: net}))
    ssdh("upgrade", "solver.prototxt", "--check")


def test_several_nets_inside(ssdh: Ssdh) -> None:
    text = solver(train_net_param=NET) + solver(test_net_param=V0).removeprefix(SOLVER)
    text += f"test_net_param {{{NET}}} test_iter: [1, 1] test_interval: 9\n"
    found = schema.parse_text(upgraded(ssdh, text, "solver.prototxt"), "SolverParameter")
    nets = [found.train_net_param, *found.test_net_param]
    assert [len(net.layer) for net in nets] == [3, 2, 3]
    assert not any(net.layers or net.input for net in nets)


def test_the_forks_losses_inside_a_solver(ssdh: Ssdh) -> None:
    loss = 'layers { name: "k%d" type: K%d_EUCLIDEAN_LOSS bottom: "fc" bottom: "fc" top: "k%d" }\n'
    net = NET + loss.replace("%d", "1") + loss.replace("%d", "2")
    Path("solver.prototxt").write_text(solver(net_param=net))
    ran = ssdh("upgrade", "solver.prototxt", "--stock-objective", "--in-place")
    assert "the fork's losses made" in ran.out
    found = schema.parse_text(Path("solver.prototxt").read_text(), "SolverParameter")
    types = [layer.type for layer in found.net_param.layer]
    assert types[3:] == ["Power", "Reduction", "Power", "Reduction"]


@pytest.mark.caffe
def test_caffe_trains_the_upgraded_solver(ssdh: Ssdh, caffe: Path) -> None:
    upgraded(ssdh, solver(net_param=NET), "solver.prototxt")
    ran = subprocess.run(
        [caffe, "train", "--solver=solver.prototxt"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "Optimization Done" in ran.stderr
    assert "upgrade" not in ran.stderr.lower()
