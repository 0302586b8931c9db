"""Values of solvers that Caffe takes, and that learn nothing or diverge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.weights import read_weights
from support.caffe_runs import run_caffe
from support.solver_findings import data, findings_of, loss, product, sentences, write_run

NET = data() + product("fc", "data") + loss()
START = 'net: "net.prototxt" display: 1 '
FIXED = f'{START} lr_policy: "fixed" max_iter: 40 '


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("solver", "sentence"),
    [
        ("base_lr: nan", "error SSDH316: base_lr is nan: all weights become nan"),
        ("base_lr: inf", "error SSDH316: base_lr is inf: all weights become nan"),
        (
            "base_lr: -0.1",
            "error SSDH316: base_lr is -0.1: a negative rate raises the loss instead of lowering "
            "it",
        ),
        ("base_lr: 0", "warning SSDH315: base_lr is 0: nothing would be learned"),
        (
            "base_lr: 0.1 momentum: 9",
            "error SSDH317: momentum is 9: it adds up all updates without end, and the loss "
            "becomes nan",
        ),
        (
            "base_lr: 0.1 weight_decay: 0.5",
            "warning SSDH318: weight_decay is 0.5: with base_lr 0.1 and momentum 0 it takes all "
            "weights to a third in 20 iterations",
        ),
        (
            "base_lr: 0.1 weight_decay: -0.1",
            "warning SSDH318: weight_decay is -0.1: it makes weights grow",
        ),
        (
            "base_lr: 0.1 clip_gradients: 0",
            "error SSDH319: clip_gradients is 0: Caffe scales all gradients to 0, and nothing is "
            "learned",
        ),
        (
            'base_lr: 0.1 type: "AdaGrad" delta: 0',
            "warning SSDH320: delta is 0: AdaGrad divides by 0 where a gradient is 0, and the "
            "weight becomes nan",
        ),
        (
            "base_lr: 0.1 test_iter: 0 test_interval: 9",
            "warning SSDH324: test_iter is 0: this test reads nothing, and says nothing",
        ),
    ],
)
def test_a_value_that_learns_nothing(folder: Path, solver: str, sentence: str) -> None:
    assert sentences(findings_of(folder, NET, FIXED + solver), "SSDH3") == [sentence]


@pytest.mark.parametrize(
    "solver",
    [
        "base_lr: 0.01 momentum: 0.99 weight_decay: 0.0005",
        "base_lr: 0.1 clip_gradients: 35",
        "base_lr: 0.1 clip_gradients: -1",
        "base_lr: 0.1 delta: 0",
        "base_lr: 1 type: 'AdaDelta' momentum: 0.95 delta: 1e-6",
        "base_lr: 0.001 momentum: 0.9 momentum2: 0.999 type: 'Adam'",
    ],
)
def test_a_value_that_is_fine(folder: Path, solver: str) -> None:
    assert sentences(findings_of(folder, NET, FIXED + solver), "SSDH3") == []


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        (
            'lr_policy: "multistep" gamma: 0.1 stepvalue: [50, 20]',
            "warning SSDH321: stepvalue 20 comes after 50: Caffe waits for 50 first, and lowers "
            "the rate again in the next iteration",
        ),
        (
            'lr_policy: "step" gamma: 10 stepsize: 40',
            "warning SSDH322: gamma is 10: the learning rate rises from 0.1 to 10",
        ),
        (
            'lr_policy: "poly" power: -1',
            "warning SSDH322: power is -1: the learning rate rises from 0.1 to 10",
        ),
        (
            'lr_policy: "plateau"',
            "warning SSDH314: BVLC Caffe refuses this solver: unknown learning rate policy "
            "'plateau'; the Caffe of SSD and IntelCaffe have it",
        ),
        ('lr_policy: "multistep" gamma: 0.1 stepvalue: [20, 50]', None),
        # Caffe's own sigmoid rises.
        ('lr_policy: "sigmoid" gamma: 0.1 stepsize: 30', None),
    ],
)
def test_a_rate_over_the_run(folder: Path, policy: str, sentence: str | None) -> None:
    solver = f"{START} base_lr: 0.1 max_iter: 100 {policy}"
    expected = [sentence] if sentence else []
    assert sentences(findings_of(folder, NET, solver), "SSDH3") == expected


def test_a_run_without_a_word(folder: Path) -> None:
    solver = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 40 '
    sentence = "info SSDH323: display is 0: the run prints no loss"
    assert sentences(findings_of(folder, NET, solver), "SSDH3") == [sentence]
    assert sentences(findings_of(folder, NET, f"{solver} display: 0"), "SSDH3") == [sentence]
    short = solver.replace("40", "4")
    assert sentences(findings_of(folder, NET, short), "SSDH3") == []


def test_an_infinite_rate_is_set(folder: Path) -> None:
    assert "SSDH303" not in {each.code for each in findings_of(folder, NET, FIXED + "base_lr: inf")}


@pytest.mark.caffe
@pytest.mark.parametrize(
    ("solver", "change"),
    [
        ("base_lr: 0.1", "learned"),
        ("base_lr: 0", "none"),
        ("base_lr: 0.1 clip_gradients: 0", "none"),
        ("base_lr: inf", "nan"),
        ('base_lr: 0.1 type: "AdaGrad" delta: 0', "nan"),
    ],
)
def test_what_caffe_makes_of_it(folder: Path, solver: str, change: str) -> None:
    # A filler of 0 shows what was learned, and a pixel of 0 has no gradient.
    net = NET.replace('"xavier"', '"constant"').replace("value: 1 }", "value: 0 }", 1)
    net = net if change == "nan" else NET.replace('"xavier"', '"constant"')
    write_run(folder, net, f'{FIXED} {solver} snapshot_prefix: "run" solver_mode: CPU')
    assert run_caffe(folder).returncode == 0
    weights = read_weights("run_iter_40.caffemodel").layers[-2:]
    blob = next(each.blobs[0] for each in weights if each.name == "fc")
    seen = "nan" if np.isnan(blob).any() else "learned" if blob.any() else "none"
    assert seen == change
