"""A small net as people write them: comments, odd layout, its solver and its deploy file."""

from __future__ import annotations

from pathlib import Path

TRAIN = """\
# LeNet, as we train it
name: "LeNet"
layer {
  name: "mnist"
  type: "Data"
  top: "data"
  top: "label"
  include { phase: TRAIN }
  transform_param { scale: 0.00390625 }
  data_param {
    source: "mnist_train_lmdb"
    batch_size: 64   # fits our card
    backend: LMDB
  }
}
layer {
  name: "mnist"
  type: "Data"
  top: "data"
  top: "label"
  include { phase: TEST }
  transform_param { scale: 0.00390625 }
  data_param { source: "mnist_test_lmdb" batch_size: 100 backend: LMDB }
}
layer {
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  convolution_param { num_output: 20 kernel_size: 5 }
}
layer {
  name: "ip1"
  type: "InnerProduct"
  bottom: "conv1"
  top: "ip1"
  param { lr_mult: 1 }
  param { lr_mult: 2 }
  inner_product_param {
    num_output: 500
    weight_filler { type: "xavier" }
  }
}
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
# the classifier
layer {
  name: "ip2"
  type: "InnerProduct"
  bottom: "ip1"
  top: "ip2"
  param { lr_mult: 1 }
  param { lr_mult: 2 }
  inner_product_param {
    num_output: 10  # digits
    weight_filler { type: "xavier" }
  }
}
layer {
  name: "accuracy"
  type: "Accuracy"
  bottom: "ip2"
  bottom: "label"
  top: "accuracy"
  include { phase: TEST }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""

SOLVER = """\
# solver of LeNet
net: "train_val.prototxt"
test_iter: 100
test_interval: 500
test_initialization: false
base_lr: 0.01
momentum: 0.9
weight_decay: 0.002
lr_policy: "step"
gamma: 0.96
stepsize: 5000
display: 100
max_iter: 10000
snapshot: 5000
snapshot_prefix: "lenet"
solver_mode: GPU
"""

DEPLOY = """\
name: "LeNet"
input: "data"
input_dim: 64
input_dim: 1
input_dim: 28
input_dim: 28
layer {
  name: "conv1"
  type: "Convolution"
  bottom: "data"
  top: "conv1"
  convolution_param { num_output: 20 kernel_size: 5 }
}
layer {
  name: "ip1"
  type: "InnerProduct"
  bottom: "conv1"
  top: "ip1"
  inner_product_param { num_output: 500 }
}
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer {
  name: "ip2"
  type: "InnerProduct"
  bottom: "ip1"
  top: "ip2"
  inner_product_param { num_output: 10 }
}
layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }
"""


def write(
    folder: Path, *, train: str = TRAIN, solver: str | None = SOLVER, deploy: str | None = DEPLOY
) -> None:
    """The three files as most people call them; None leaves one out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("train_val", train), ("solver", solver), ("deploy", deploy)):
        if text is not None:
            (folder / f"{name}.prototxt").write_bytes(text.encode())
