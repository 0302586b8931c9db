"""Rates with which no net learns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.caffe_runs import train
from support.checked_run import NET, findings


def has_finding(folder: Path, more: str, net: str = NET) -> bool:
    return "diverging-rate" in findings(folder, more, net=net)


def test_a_rate_far_above_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert has_finding(tmp_path, "base_lr: 5000")
    assert not has_finding(tmp_path, "base_lr: 10")
    # A small weight of the loss takes a large rate, and AdaDelta has steps of its own.
    assert not has_finding(
        tmp_path, "base_lr: 50", NET.replace('"loss" }', '"loss" loss_weight: 1e-3 }')
    )
    assert not has_finding(tmp_path, 'base_lr: 50 type: "AdaDelta"')


@pytest.mark.caffe
def test_caffe_learns_nothing(tmp_path: Path) -> None:
    """Chance for 10 classes is 2.3; what is stuck far above has a true class of probability 0."""
    log = train(tmp_path, solver=[("base_lr: 0.05", "base_lr: 50")]).stderr
    losses = [float(each) for each in re.findall(r"Iteration \d+.* loss = (\S+)", log)]
    assert losses[0] < 3
    assert not min(losses[5:]) < 20
