"""Weights with nan: named by layer, in every form of file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.caffe.weights.not_finite import weights_not_finite
from ssdh_surgery.caffe.weights.weights import write_any_weights
from support.paths import GOLDEN


def layer(name: str, *values: float) -> LayerWeights:
    return LayerWeights(name, "InnerProduct", (np.float32([1, 2]), np.float32(values)))


@pytest.mark.parametrize("ending", ["", ".h5"])
def test_layers_are_named(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"w.caffemodel{ending}"
    write_any_weights(path, [layer("a", 1), layer("b", np.nan, 3, np.inf), layer("c", 0)])
    finding = weights_not_finite(path)
    assert finding is not None
    assert finding.message == f"{path} holds 1 nan and 1 inf in layer 'b'"
    assert weights_not_finite(path, ["a", "c"]) is None
    write_any_weights(path, [layer(name, -np.inf, np.inf) for name in "abcd"])
    finding = weights_not_finite(path)
    assert finding is not None
    assert finding.message == f"{path} holds 8 inf in 4 layers: 'a', 'b', 'c' and 1 more"


def test_weights_of_caffe_have_none() -> None:
    assert weights_not_finite(GOLDEN / "train" / "init.caffemodel") is None
