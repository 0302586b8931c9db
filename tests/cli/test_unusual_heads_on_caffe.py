"""Nets with unusual heads, patched and trained by the real Caffe."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.caffe_runs import fatal
from support.command_line import Ssdh

pytestmark = pytest.mark.caffe

SOLVER = """\
net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 3 snapshot: 3
snapshot_prefix: "snap" solver_mode: CPU
"""
DATA = """\
layer { name: "data" type: "DummyData" top: "data" top: "label" top: "known" dummy_data_param {
  shape { dim: [4, 3, 8, 8] } shape { dim: 4 } shape { dim: 4 }
  data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 1 }
  data_filler { type: "constant" value: 1 } } }
"""


def ip(name: str, bottom: str, outputs: str) -> str:
    return (
        f'layer {{ name: "{name}" type: "InnerProduct" bottom: "{bottom}" top: "{name}"\n'
        f'  inner_product_param {{ {outputs} weight_filler {{ type: "xavier" }} }} }}\n'
    )


def loss(scores: str = "cls", label: str = "label") -> str:
    return (
        f'layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "{scores}" bottom: "{label}"\n'
        '  top: "loss" propagate_down: true propagate_down: false }\n'
    )


FEATURES = ip("feat", "data", "num_output: 16")
FILTER = """\
layer { name: "only_known" type: "Filter" bottom: "cls" bottom: "label" bottom: "known"
  top: "cls_known" top: "label_known" }
"""
NETS = {
    "labels-through-a-filter": (
        ip("cls", "feat", "num_output: 5") + FILTER + loss("cls_known", "label_known"),
        (),
    ),
    "classes-from-the-command-line": (ip("cls", "feat", "") + loss(), ("--classes", "7")),
}


def train(caffe: Path, solver: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(caffe), "train", f"--solver={solver}", *words],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("layers", "words"), NETS.values(), ids=NETS)
def test_caffe_trains_the_patched_net(
    ssdh: Ssdh, caffe: Path, layers: str, words: tuple[str, ...]
) -> None:
    Path("net.prototxt").write_text(DATA + FEATURES + layers)
    Path("solver.prototxt").write_text(SOLVER)
    ssdh("patch", "net.prototxt", "--bits", "8", *words)
    process = train(caffe, "solver_ssdh.prototxt")
    assert process.returncode == 0, process.stderr[-2000:]
    assert "Optimization Done." in process.stderr


SCALED = """\
layer { name: "scale" type: "Scale" bottom: "cls" top: "cls" scale_param { bias_term: true } }
layer { name: "prelu" type: "PReLU" bottom: "cls" top: "prelu" }
"""


def test_weights_per_class_above_a_classifier_with_other_classes(ssdh: Ssdh, caffe: Path) -> None:
    layers = ip("cls", "feat", "num_output: 5") + SCALED + loss("prelu")
    Path("net.prototxt").write_text(DATA + FEATURES + layers)
    Path("solver.prototxt").write_text(SOLVER)
    assert train(caffe, "solver.prototxt").returncode == 0
    out = ssdh("patch", "net.prototxt", "--bits", "8", "--classes", "7").out
    assert "'scale' is now 'scale_change', 'prelu' is now 'prelu_change'" in out
    process = train(caffe, "solver_ssdh.prototxt", "-weights", "snap_iter_3.caffemodel")
    assert process.returncode == 0, process.stderr[-2000:]
    # Under their old names Caffe would stop.
    text = Path("net_ssdh.prototxt").read_text()
    Path("net_ssdh.prototxt").write_text(text.replace('"scale_change"', '"scale"'))
    process = train(caffe, "solver_ssdh.prototxt", "-weights", "snap_iter_3.caffemodel")
    assert "Cannot copy param 0 weights from layer 'scale'" in fatal(process)[0]


def test_caffe_refuses_a_classifier_without_outputs(ssdh: Ssdh, caffe: Path) -> None:
    Path("net.prototxt").write_text(DATA + FEATURES + NETS["classes-from-the-command-line"][0])
    Path("solver.prototxt").write_text(SOLVER)
    assert fatal(train(caffe, "solver.prototxt"))
    assert "ssdh patch --classes N" in ssdh("patch", "net.prototxt").err
