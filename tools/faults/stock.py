"""The inputs of all writers, made by code: tiny nets, images, and what ssdh makes of them."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np

from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter

_CLASSES, _SIZE = ("cats", "dogs"), 6
_TRAIN = """name: "tiny"
layer { name: "data" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.01 }
  data_param { source: "records" batch_size: 4 backend: LMDB } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 6 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""
_SOLVER = """net: "train_val.prototxt"
base_lr: 0.1
lr_policy: "fixed"
momentum: 0.9
max_iter: 2
snapshot: 1
test_iter: 1
test_interval: 2
snapshot_prefix: "tiny"
random_seed: 7
solver_mode: CPU
"""
_OLD = """name: "old"
input: "data"
input_dim: 1
input_dim: 3
input_dim: 6
input_dim: 6
layers { name: "ip1" type: INNER_PRODUCT bottom: "data" top: "ip1" blobs_lr: 1 blobs_lr: 2
  inner_product_param { num_output: 6 } }
"""
# Each runs on what the earlier ones wrote.
_COMMANDS = (
    "train solver.prototxt --engine torch --no-check",
    "patch train_val.prototxt --bits 8",
    "deploy",
    "train --engine torch --weights tiny_iter_2.caffemodel",
    "encode photos -o a.npz --activations",
    "encode photos -o b.npz --activations --id-prefix b/",
    "index build a.npz -o a.index",
)


def write_stock(folder: Path) -> None:
    """Write nets and images, and run the commands that make weights, codes and an index of them."""
    _write_nets(folder)
    _write_records(folder)
    _write_images(folder)
    for line in _COMMANDS:
        command = [sys.executable, "-m", "ssdh_surgery", "-q", *shlex.split(line)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)


def _write_nets(folder: Path) -> None:
    (folder / "train_val.prototxt").write_text(_TRAIN)
    (folder / "solver.prototxt").write_text(_SOLVER)
    (folder / "old").mkdir()
    (folder / "old/net.prototxt").write_text(_OLD)


def _write_records(folder: Path) -> None:
    random = np.random.default_rng(0)
    with LmdbWriter(folder / "records") as writer:
        for number in range(6):
            pixels = random.integers(0, 255, (3, _SIZE, _SIZE)).astype(np.uint8)
            writer.put(f"{number:08d}".encode(), write_raw(pixels, number % 3))


def _write_images(folder: Path) -> None:
    random = np.random.default_rng(1)
    lines, vectors = [], []
    for label, name in enumerate(_CLASSES):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(3):
            path = f"photos/{name}/{number}.png"
            pixels = random.integers(0, 255, (_SIZE, _SIZE, 3)).astype(np.uint8)
            cv2.imwrite(str(folder / path), pixels)
            lines.append(f"{path} {label}\n")
            vectors.append(f"{path} {1 - label} {label} 1\n")
    (folder / "list.txt").write_text("".join(lines))
    (folder / "vectors.txt").write_text("".join(vectors))


if __name__ == "__main__":
    write_stock(Path(sys.argv[1]))
