"""`ssdh upgrade` from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.cli import run
from ssdh_surgery.prototxt.parser import parse

V1 = """\
# mine
layers {
  name: "relu"  # keep me
  type: RELU
  bottom: "data"
  top: "data"
}
"""
CURRENT = V1.replace("layers {", "layer {").replace("RELU", '"ReLU"')


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.prototxt").write_text(V1)
    return tmp_path


def test_an_old_net_gets_a_current_one_beside_it(folder: Path) -> None:
    assert run(["upgrade", "old.prototxt"]) == 0
    assert (folder / "old_upgraded.prototxt").read_text() == CURRENT
    assert (folder / "old.prototxt").read_text() == V1


def test_in_place_and_a_second_run_finds_nothing_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["upgrade", "old.prototxt", "--in-place"]) == 0
    assert (folder / "old.prototxt").read_text() == CURRENT
    assert run(["upgrade", "old.prototxt", "--check"]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_check_says_that_it_would_change(folder: Path) -> None:
    assert run(["upgrade", "old.prototxt", "--check"]) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["old.prototxt"]


def test_a_solver_gets_its_type_as_a_string(folder: Path) -> None:
    (folder / "solver.prototxt").write_text("base_lr: 0.1\nsolver_type: ADAM  # fast\n")
    assert run(["upgrade", "solver.prototxt"]) == 0
    upgraded = (folder / "solver_upgraded.prototxt").read_text()
    assert upgraded == 'base_lr: 0.1\ntype: "Adam"  # fast\n'


def test_separators_on_one_line_are_not_doubled(folder: Path) -> None:
    (folder / "old.prototxt").write_text(
        'layers { name: "a", type: INNER_PRODUCT, blobs_lr: 1, blobs_lr: 2, '
        "weight_decay: 1, weight_decay: 0, inner_product_param { num_output: 3 } }\n"
    )
    assert run(["upgrade", "old.prototxt"]) == 0
    upgraded = (folder / "old_upgraded.prototxt").read_text()
    (layer,) = Net(parse(upgraded.encode())).layers
    assert [(param.lr_mult, param.decay_mult) for param in layer.params] == [(1, 1), (2, 0)]
    assert ",," not in upgraded.replace(" ", "")
