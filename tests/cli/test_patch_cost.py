"""What `patch` says of the costs of hashing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.cli import run
from support.images import write_lmdb


def cost_of(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    capsys.readouterr()
    assert run(["patch", *words]) == 0
    rows = capsys.readouterr().out.splitlines()
    return [row for row in rows if row.startswith(("  cost: ", "        the net has", "  code: "))]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["zoo", "write", "googlenet"]) == 0


@pytest.mark.usefixtures("written")
def test_patch_says_what_hashing_costs(capsys: pytest.CaptureFixture[str]) -> None:
    shown = [
        "  cost: the latent layer has 49,200 params and 49,152 multiply-adds per image",
        "        the net has 12,451,480 params (before: 13,378,280) and 1,590,117,248 multiply-adds"
        " per image (before: 1,591,044,096)",
        "  code: 48 bits, 6 bytes per image; the features 'pool5/7x7_s1' take 4,096 bytes, "
        "683 times as much",
    ]
    words = ["train_val.prototxt", "--bits", "48"]
    assert cost_of(capsys, *words, "--dry-run") == shown
    assert cost_of(capsys, *words) == shown
    assert cost_of(capsys, "train_val_ssdh.prototxt") == []


@pytest.mark.usefixtures("written")
def test_of_another_width_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost_of(capsys, "deploy.prototxt", "--bits", "8")[-1].startswith(
        "  code: 8 bits, 1 byte per image; "
    )


def test_without_data_the_code_alone_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["zoo", "write", "lenet"]) == 0
    words = ["train_val.prototxt", "--bits", "48", "--solver", "none"]
    assert cost_of(capsys, *words, "--dry-run") == ["  code: 48 bits, 6 bytes per image"]
    write_lmdb(Path("tiles"), 28, 2)
    data = ["--train-data", "tiles", "--test-data", "tiles"]
    latent, net, code = cost_of(capsys, *words, *data)
    assert latent == "  cost: the latent layer has 24,048 params and 24,000 multiply-adds per image"
    assert "(before: 432,080) and " in net
    assert code.endswith("the features 'ip1' take 2,000 bytes, 333 times as much")


SEQUENCES = """\
layer { name: "in" type: "Input" top: "x" input_param { shape { dim: 16 dim: 4 dim: 24 } } }
layer { name: "lb" type: "Input" top: "label" input_param { shape { dim: 16 dim: 4 } } }
layer { name: "out" type: "InnerProduct" bottom: "x" top: "out"
  inner_product_param { num_output: 7 axis: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "out" bottom: "label" top: "loss"
  softmax_param { axis: 2 } }
"""


def test_of_sequences_counts_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.prototxt").write_text(SEQUENCES)
    latent, _, code = cost_of(capsys, "train.prototxt", "--bits", "32")
    assert f"{24 * 32:,} multiply-adds per image" in latent
    assert code.endswith("the features 'x' take 96 bytes, 24 times as much")
