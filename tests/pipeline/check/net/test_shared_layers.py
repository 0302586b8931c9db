"""Layers of test nets that do not share the weights of the train net."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.weights import LayerWeights, write_weights
from support.caffe_runs import fatal, run_caffe
from support.solver_findings import data, findings_of, loss, product, sentences, write_run

SOLVER = (
    'train_net: "net.prototxt" test_net: "test.prototxt" test_iter: 1 test_interval: 20 '
    'base_lr: 0.1 lr_policy: "fixed" max_iter: 40 display: 1 solver_mode: CPU '
)
NET = data() + product("fc", "data") + loss()
OTHER_NAME = NET.replace('name: "fc"', 'name: "fc_"')
OTHER_SIZE = NET.replace("dim: 8 dim: 8", "dim: 9 dim: 9")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(folder: Path, test_net: str, **run: object) -> list[str]:
    (folder / "test.prototxt").write_text(test_net)
    return sentences(findings_of(folder, NET, SOLVER, **run), "SSDH23")  # type: ignore[arg-type]


def test_a_layer_of_another_name_is_never_trained(folder: Path) -> None:
    assert found(folder, OTHER_NAME) == [
        "warning SSDH235: the train net has no layer 'fc_': tests in TEST run it with the weights "
        "of its fillers"
    ]


def test_a_layer_of_another_name_may_be_in_the_weights(folder: Path) -> None:
    blobs = (np.ones((4, 192), np.float32), np.ones(4, np.float32))
    write_weights("w.caffemodel", [LayerWeights("fc_", "InnerProduct", blobs)])
    assert found(folder, OTHER_NAME, weights=["w.caffemodel"]) == []
    assert found(folder, OTHER_NAME, snapshot="run_iter_9.solverstate") == []


def test_a_layer_of_another_size_cannot_be_shared(folder: Path) -> None:
    assert found(folder, OTHER_SIZE) == [
        "error SSDH236: layer 'fc' has weights of 4x243, 4 in TEST, and of 4x192, 4 in TRAIN: "
        "Caffe cannot share them"
    ]


def test_layers_that_are_shared(folder: Path) -> None:
    assert found(folder, NET) == []
    assert found(folder, data(items=2) + product("fc", "data") + loss()) == []


def test_one_net_with_other_sizes_in_each_phase(folder: Path) -> None:
    train = data().replace('top: "label"', 'top: "label" include { phase: TRAIN }')
    test = train.replace("TRAIN", "TEST").replace("dim: 8 dim: 8", "dim: 6 dim: 6")
    solver = SOLVER.replace("train_net", "net").replace('test_net: "test.prototxt"', "")
    text = train + test + product("fc", "data") + loss()
    (sentence,) = sentences(findings_of(folder, text, solver), "SSDH23")
    assert sentence.startswith("error SSDH236: layer 'fc' has weights of 4x108, 4 in TEST")


@pytest.mark.caffe
def test_caffe_stops_at_the_first_test(folder: Path) -> None:
    (folder / "test.prototxt").write_text(OTHER_SIZE)
    write_run(folder, NET, SOLVER)
    assert "Cannot share param 0 weights from layer 'fc'" in fatal(run_caffe(folder))[0]
