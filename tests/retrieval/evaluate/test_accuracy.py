"""A classifier's accuracy is what Caffe's Accuracy layer counts."""

from __future__ import annotations

import numpy as np
import pytest

from ssdh_surgery.errors import DataError
from ssdh_surgery.retrieval.evaluate.metrics import accuracy
from support.paths import GOLDEN

LAYERS = GOLDEN / "layers"


def test_as_recorded_from_caffe() -> None:
    record = np.load(LAYERS / "accuracy_top1.npz")
    found = accuracy(record["bottom0"], record["bottom1"].astype(np.int64))
    assert found["1"] == pytest.approx(float(record["top0"]), abs=1e-7)


def test_equals_a_naive_version() -> None:
    random = np.random.default_rng(0)
    scores = random.integers(0, 4, (200, 7)).astype(np.float32)
    labels = random.integers(0, 7, 200)
    right = {"1": 0, "5": 0}
    for row, label in zip(scores, labels, strict=True):
        others = [score for place, score in enumerate(row) if place != label]
        better = sum(score >= row[label] for score in others)
        right["1"] += better < 1
        right["5"] += better < 5
    assert accuracy(scores, labels) == {k: count / 200 for k, count in right.items()}


def test_five_classes_have_no_top_5() -> None:
    scores = np.eye(5, dtype=np.float32)
    assert accuracy(scores, np.array([0, 1, 2, 3, 3])) == {"1": 0.8}
    # Equal scores are no decision.
    assert accuracy(np.zeros((2, 6), np.float32), np.array([0, 1])) == {"1": 0.0, "5": 0.0}


def test_a_label_without_a_score() -> None:
    with pytest.raises(DataError) as caught:
        accuracy(np.zeros((2, 4), np.float32), np.array([0, 4]), "s.npz")
    assert str(caught.value) == (
        "s.npz: scores of 4 classes, but labels up to 4\n"
        "hint: encode the classifier's blob to get its scores"
    )
