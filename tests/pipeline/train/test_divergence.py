"""Runs that end without an error, and whose weights or losses are no numbers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.caffe.weights.weights import write_any_weights
from ssdh_surgery.pipeline.train.divergence import divergence
from ssdh_surgery.pipeline.train.loss_watch import BadLoss

NAN_LOSS = BadLoss(10, math.nan, "loss", displays=3)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "run_iter_20.caffemodel"


def write(path: Path, value: float) -> None:
    blobs = np.zeros((2, 3), np.float32), np.array([1, value], np.float32)
    write_any_weights(path, [LayerWeights("fc", "InnerProduct", blobs)])


def test_weights_of_nan_with_a_loss_of_nan(weights: Path) -> None:
    write(weights, math.nan)
    error = divergence(NAN_LOSS, weights)
    assert error is not None
    assert error.message == (
        "the loss 'loss' became nan by iteration 10, and run_iter_20.caffemodel holds 1 nan in "
        "layer 'fc'"
    )
    assert error.exit_code == 1
    assert (error.layer, error.blob, error.data["iteration"]) == ("fc", "loss", 10)


def test_weights_of_nan_in_a_run_that_displayed_nothing(weights: Path) -> None:
    write(weights, -math.inf)
    error = divergence(None, weights)
    assert error is not None
    assert error.message == "run_iter_20.caffemodel holds 1 inf in layer 'fc'"


def test_one_bad_display_of_good_weights_is_no_divergence(weights: Path) -> None:
    write(weights, 2)
    assert divergence(BadLoss(20, math.nan, "loss", displays=1), weights) is None
    assert divergence(None, weights) is None


def test_losses_that_stay_bad_count_whatever_the_weights(weights: Path) -> None:
    write(weights, 2)
    assert divergence(NAN_LOSS, weights) is not None
    assert divergence(NAN_LOSS, None) is not None


def test_weights_that_cannot_be_read(weights: Path) -> None:
    weights.write_bytes(b"\xff\xff")
    assert divergence(None, weights) is None
