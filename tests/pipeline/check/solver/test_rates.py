"""The learning rates of layers that are new beside weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.weights import LayerWeights, write_weights
from support.solver_findings import SOLVER, data, findings_of, loss, product, sentences

OLD = [LayerWeights("a", "InnerProduct", (np.ones((4, 192), np.float32), np.ones(4, np.float32)))]
FAST = "param { lr_mult: 10 } param { lr_mult: 20 }"
SLOW_SOLVER = SOLVER.replace("base_lr: 0.1", "base_lr: 0.001")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_weights("w.caffemodel", OLD)
    return tmp_path


def net(more: str = "", outputs: int = 4) -> str:
    return data() + product("a", "data", outputs) + product("fc", "a", more=more) + loss()


def test_a_new_layer_as_slow_as_the_others(folder: Path) -> None:
    (finding,) = (
        each
        for each in findings_of(folder, net(), weights=["w.caffemodel"])
        if each.code == "SSDH325"
    )
    assert finding.message == (
        "'fc' is new and learns at 0.1; the layer from weights learns at 0.1"
    )
    assert finding.hint == "'fc' would learn faster with a larger lr_mult, 10 for instance"


def test_a_new_layer_that_is_faster(folder: Path) -> None:
    found = findings_of(folder, net(FAST), weights=["w.caffemodel"])
    (finding,) = (each for each in found if each.code == "SSDH325")
    assert finding.message.startswith("'fc' is new and learns at 1;")
    assert finding.hint is None
    assert finding.severity == "info"


def test_rates_are_said_only_beside_weights(folder: Path) -> None:
    assert sentences(findings_of(folder, net()), "SSDH325") == []
    assert sentences(findings_of(folder, net(), snapshot="run_iter_9.solverstate"), "SSDH325") == []


def test_several_large_layers_are_one_finding(folder: Path) -> None:
    text = data() + product("a", "data", 6000) + product("fc", "a", 1000) + loss()
    assert sentences(findings_of(folder, text, SLOW_SOLVER), "SSDH326") == [
        "info SSDH326: 'a' and 'fc' have 7,152,000 weights to learn from their fillers, at a rate "
        "of 0.001"
    ]


def test_a_large_layer_from_scratch(folder: Path) -> None:
    large = net(outputs=6000)
    assert sentences(findings_of(folder, large, SLOW_SOLVER), "SSDH326") == [
        "info SSDH326: 'a' has 1,152,000 weights to learn from its filler, at a rate of 0.001"
    ]
    assert sentences(findings_of(folder, large, SOLVER), "SSDH326") == []
    adam = SLOW_SOLVER + 'type: "Adam"'
    assert sentences(findings_of(folder, large, adam), "SSDH326") == []
    assert sentences(findings_of(folder, net(), SLOW_SOLVER), "SSDH326") == []
