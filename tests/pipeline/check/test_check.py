"""What is told before the first iteration, and what is rightly not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.net.solver import Solver
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.findings import Finding
from ssdh_surgery.pipeline.check.check import findings
from ssdh_surgery.pipeline.check.subject import subject_of
from ssdh_surgery.prototxt.parser import parse

NET = """
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN RULE }
  data_param { source: "lmdb" batch_size: 2 backend: LMDB } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" LOSS }
"""
SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 9 '


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, labels: list[int], rule: str = "", loss: str = "") -> None:
    net = NET.replace("RULE", rule).replace("LOSS", loss)
    (folder / "net.prototxt").write_text(net)
    with LmdbWriter(folder / "lmdb") as writer:
        for number, label in enumerate(labels):
            writer.put(f"{number:08d}".encode(), write_raw(np.zeros((1, 2, 2), np.uint8), label))


def told(folder: Path, solver: str) -> list[Finding]:
    view = Solver(parse(solver.encode(), "solver.prototxt"))
    return findings(subject_of(view, folder, folder / "run"))


def codes(folder: Path, solver: str = SOLVER) -> list[str]:
    return [finding.code for finding in told(folder, solver)]


def test_a_good_net_has_no_findings(folder: Path) -> None:
    write(folder, [0, 1, 2])
    assert codes(folder) == []


def test_a_net_that_is_never_tested_needs_no_test_phase(folder: Path) -> None:
    write(folder, [0])
    assert codes(folder) == []
    assert "SSDH201" in codes(folder, SOLVER + "test_iter: 1 test_interval: 5")


def test_the_stages_that_a_solver_asks_for_count(folder: Path) -> None:
    write(folder, [0], 'stage: "mine"')
    assert "SSDH201" in codes(folder)
    assert codes(folder, SOLVER + 'train_state { stage: "mine" }') == []


def test_labels_out_of_range(folder: Path) -> None:
    write(folder, [0, 3, 9, 1])
    (finding,) = told(folder, SOLVER)
    assert str(finding).splitlines()[0] == (
        "net.prototxt:3:24: error SSDH101 labels-out-of-range: 2 of 4 records of lmdb have labels "
        "from 3 to 9 (first: key '00000001'), and the classifier has 3 outputs (0 to 2)"
    )


def test_an_ignored_label_is_legal(folder: Path) -> None:
    write(folder, [0, 255, 1], loss="loss_param { ignore_label: 255 }")
    assert codes(folder) == []


def test_another_label_beside_the_ignored_one(folder: Path) -> None:
    write(folder, [0, 255, 7], loss="loss_param { ignore_label: 255 }")
    assert codes(folder) == ["SSDH101"]


def test_a_run_without_snapshots_needs_no_folder_for_them(folder: Path) -> None:
    write(folder, [0])
    view = Solver(parse((SOLVER + 'snapshot_prefix: "no/run"').encode()))
    none = Solver(
        parse((SOLVER + 'snapshot_prefix: "no/run" snapshot_after_train: false').encode())
    )
    prefix = folder / "no" / "run"
    assert [f.code for f in findings(subject_of(view, folder, prefix))] == ["SSDH307"]
    assert findings(subject_of(none, folder, prefix)) == []
