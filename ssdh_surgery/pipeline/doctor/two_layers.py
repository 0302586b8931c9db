"""The net of two layers that each engine is tried on: its files, and the values it computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ssdh_surgery import files
from ssdh_surgery.caffe.net.net import Net
from ssdh_surgery.caffe.weights.binary_weights import write_weights
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.engines.extractor import Extraction
from ssdh_surgery.prototxt.parser import parse

ITERATIONS = 2
SOLVER, LOG = "solver.prototxt", "train.log"
# What a training leaves.
SNAPSHOT = f"trial_iter_{ITERATIONS}.caffemodel"
_WEIGHTS = "two_layers.caffemodel"
_LAYERS = """layer {
  name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } }
}
layer { name: "code" type: "Sigmoid" bottom: "fc" top: "code" }
"""
_TRAIN_NET = f"""name: "two_layers"
layer {{
  name: "data" type: "DummyData" top: "data" top: "target"
  dummy_data_param {{
    shape {{ dim: 2 dim: 1 dim: 2 dim: 2 }} shape {{ dim: 2 dim: 3 }}
    data_filler {{ type: "gaussian" std: 1 }} data_filler {{ type: "constant" value: 1 }}
  }}
}}
{_LAYERS}layer {{
  name: "loss" type: "EuclideanLoss" bottom: "code" bottom: "target" top: "loss"
}}
"""
_DEPLOY_NET = f"""name: "two_layers"
layer {{
  name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 2 dim: 1 dim: 2 dim: 2 }} }}
}}
{_LAYERS}"""
_SOLVER = f"""net: "train_val.prototxt"
base_lr: 0.1 lr_policy: "fixed" max_iter: {ITERATIONS} display: 1
snapshot_prefix: "trial" solver_mode: CPU
"""
_MATRIX = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
_BIAS = np.array([0.5, 0, -0.5], np.float32)
INPUTS = np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 1, 2, 2)


def write_job(folder: Path) -> None:
    """Write the train net and its solver into a folder."""
    files.write_bytes(folder / "train_val.prototxt", _TRAIN_NET.encode())
    files.write_bytes(folder / SOLVER, _SOLVER.encode())


def write_extraction(folder: Path) -> Extraction:
    """Write the weights into a folder; what an engine is to compute with them."""
    path = folder / _WEIGHTS
    write_weights(path, [LayerWeights("fc", "InnerProduct", (_MATRIX, _BIAS))])
    net = Net(parse(_DEPLOY_NET.encode(), "deploy.prototxt"))
    return Extraction(net, path, "data", (1, 2, 2), "code", "code", len(INPUTS))


def codes() -> NDArray[np.float32]:
    """The values of the code for `INPUTS`, by the definition of the two layers."""
    sums = INPUTS.reshape(len(INPUTS), -1) @ _MATRIX.T + _BIAS
    return np.asarray(1 / (1 + np.exp(-sums)), np.float32)
