"""A small hashing net on scikit-learn's digits, which learns codes worth a mAP in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from support.command_line import Ssdh

TESTED = 300
_DATA = """
layer {{ name: "data" type: "Data" top: "data" top: "label" include {{ phase: {phase} }}
  transform_param {{ scale: 0.0625 }}
  data_param {{ source: "{phase}_lmdb" batch_size: {batch} backend: LMDB }} }}
"""
_NET = """
layer { name: "fc1" type: "InnerProduct" bottom: "data" top: "fc1"
  inner_product_param { num_output: 48 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "fc1" top: "fc1" }
layer { name: "fc2" type: "InnerProduct" bottom: "fc1" top: "fc2"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "fc2" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc2" bottom: "label" top: "loss" }
"""
_SOLVER = """
net: "net.prototxt" base_lr: 1 lr_policy: "fixed" momentum: 0.9 max_iter: 300 display: 50
test_iter: 6 test_interval: 100 snapshot: 150 snapshot_prefix: "digits" random_seed: 1
solver_mode: CPU
"""


def write_digits(ssdh: Ssdh, folder: Path) -> None:
    """Records, net and solver, and what patch makes of them."""
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    for phase, part in (("TEST", order[:TESTED]), ("TRAIN", order[TESTED:])):
        with LmdbWriter(folder / f"{phase}_lmdb") as writer:
            for number, index in enumerate(part):
                image = digits.images[index][None].astype(np.uint8)
                writer.put(f"{number:08d}".encode(), write_raw(image, int(digits.target[index])))
    data = _DATA.format(phase="TRAIN", batch=32) + _DATA.format(phase="TEST", batch=50)
    (folder / "net.prototxt").write_text(f'name: "digits"{data}{_NET}')
    (folder / "solver.prototxt").write_text(_SOLVER)
    ssdh("patch", "net.prototxt", "--bits", "16")
