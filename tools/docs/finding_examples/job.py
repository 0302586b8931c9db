"""The training job that all examples start from: a small net, its solver, data and weights.

It is complete, and nothing about it is reported: each example changes what its finding is about.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import cv2
import lmdb
import numpy as np
from numpy.typing import NDArray

from ssdh_surgery.caffe.weights.solverstate import SolverState, write_solver_state
from ssdh_surgery.caffe.weights.weights import LayerWeights, write_weights
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.mean_file import write_mean_file

CLASSES = 4
SIDE = 8
TRAIN_RECORDS, TEST_RECORDS, PHOTOS = 64, 32, 16
BITS = 8
SEED = 1

NET = """\
name: "colors"
layer {
  name: "data" type: "Data" top: "data" top: "label"
  include { phase: TRAIN }
  transform_param { scale: 0.00390625 }
  data_param { source: "train_lmdb" batch_size: 16 backend: LMDB }
}
layer {
  name: "data" type: "Data" top: "data" top: "label"
  include { phase: TEST }
  transform_param { scale: 0.00390625 }
  data_param { source: "test_lmdb" batch_size: 16 backend: LMDB }
}
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_size: 3 weight_filler { type: "xavier" } }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer {
  name: "fc" type: "InnerProduct" bottom: "conv1" top: "fc"
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } }
}
layer {
  name: "accuracy" type: "Accuracy" bottom: "fc" bottom: "label" top: "accuracy"
  include { phase: TEST }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
SOLVER = """\
net: "net.prototxt"
test_iter: 2
test_interval: 20
base_lr: 0.1
momentum: 0.9
lr_policy: "step"
gamma: 0.1
stepsize: 30
max_iter: 40
display: 10
snapshot_prefix: "colors"
solver_mode: CPU
random_seed: 1
"""
DEPLOY = """\
name: "colors"
layer {
  name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } }
}
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 8 kernel_size: 3 }
}
layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
layer {
  name: "latent" type: "InnerProduct" bottom: "conv1" top: "latent"
  inner_product_param { num_output: 8 }
}
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }
"""
# The layers with weights: their types, and the shapes of their first params.
LAYERS = {
    "conv1": ("Convolution", (8, 3, 3, 3)),
    "fc": ("InnerProduct", (CLASSES, 8 * 6 * 6)),
    "latent": ("InnerProduct", (BITS, 8 * 6 * 6)),
}
# What the files of the job are for, in the order in which to read them.
FILES = {
    "net.prototxt": "the train net, which is also the test net",
    "solver.prototxt": "its solver",
    "train_lmdb": f"{TRAIN_RECORDS} records, of {CLASSES} classes in mixed order",
    "test_lmdb": f"{TEST_RECORDS} records of the same classes",
    "photos": f"{PHOTOS} PNG files",
    "train.txt": "the list of the photos with their labels",
    "mean.binaryproto": "the mean of the training records",
    "colors.caffemodel": "weights of the net",
    "deploy.prototxt": "a deploy net with a hash layer of 8 bits",
    "hashed.caffemodel": "its weights",
}


def write_job(folder: Path) -> None:
    """Write the job into a folder that exists."""
    shutil.copytree(_template(), folder, dirs_exist_ok=True)


@cache
def _template() -> Path:
    """The job in a folder of its own, which is removed at exit."""
    import atexit
    from tempfile import mkdtemp

    folder = Path(mkdtemp(prefix="ssdh-finding-examples-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "net.prototxt").write_text(NET)
    (folder / "solver.prototxt").write_text(SOLVER)
    (folder / "deploy.prototxt").write_text(DEPLOY)
    train = images(TRAIN_RECORDS, seed=SEED)
    write_lmdb(folder / "train_lmdb", train, labels(TRAIN_RECORDS, SEED))
    write_lmdb(
        folder / "test_lmdb",
        images(TEST_RECORDS, seed=SEED + 1),
        labels(TEST_RECORDS, SEED + 1),
    )
    write_photos(folder)
    write_mean_file(folder / "mean.binaryproto", train.mean(0).astype(np.float32))
    conv1, fc, latent = (weights_of(name) for name in ("conv1", "fc", "latent"))
    write_weights(folder / "colors.caffemodel", [conv1, fc])
    write_weights(folder / "hashed.caffemodel", [conv1, latent])
    return folder


def labels(count: int, seed: int, first: int = 0, classes: int = CLASSES) -> list[int]:
    """Labels of `classes` classes from `first`, as many of each, in mixed order."""
    return np.random.default_rng(seed).permutation(np.arange(count) % classes + first).tolist()


def images(count: int, seed: int) -> NDArray[np.uint8]:
    """Pixels [N, 3, 8, 8] that differ from image to image and show their class."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 120, (count, 3, SIDE, SIDE))
    for image, label in zip(pixels, labels(count, seed), strict=True):
        image[label % 3, (label // 3) * 4 :] += 130
    return pixels.astype(np.uint8)


def write_lmdb(path: Path, pixels: NDArray[np.uint8], record_labels: Sequence[int]) -> None:
    """Write records of pixels; an LMDB that is there already is replaced."""
    write_records(path, map(write_raw, pixels, record_labels))


def write_records(path: Path, records: Iterable[bytes]) -> None:
    """Write records as they are; an LMDB that is there already is replaced."""
    shutil.rmtree(path, ignore_errors=True)
    with (
        lmdb.open(str(path), map_size=1 << 24, sync=False) as environment,
        environment.begin(write=True) as transaction,
    ):
        for number, record in enumerate(records):
            transaction.put(b"%08d" % number, record)


def train_records() -> list[bytes]:
    """The records of `train_lmdb`."""
    return list(map(write_raw, images(TRAIN_RECORDS, SEED), labels(TRAIN_RECORDS, SEED)))


def write_photos(folder: Path, name: str = "photos", seed: int = SEED + 2) -> None:
    """Write photos and `train.txt`, which lists them in mixed order."""
    (folder / name).mkdir()
    lines = []
    photo_labels = labels(PHOTOS, seed)
    for number, (image, label) in enumerate(zip(images(PHOTOS, seed), photo_labels, strict=True)):
        file = f"{name}/{number:02d}.png"
        cv2.imwrite(str(folder / file), image.transpose(1, 2, 0))
        lines.append(f"{file} {label}\n")
    (folder / "train.txt").write_text("".join(lines))


def weights_of(name: str) -> LayerWeights:
    """The weights of a layer of the job."""
    layer_type, shape = LAYERS[name]
    fan_in = int(np.prod(shape[1:]))
    values = np.random.default_rng(SEED).normal(0, fan_in**-0.5, shape).astype(np.float32)
    return LayerWeights(name, layer_type, (values, np.zeros(shape[0], np.float32)))


def write_snapshot(
    folder: Path,
    name: str = "colors_iter_20",
    layers: Sequence[str] = ("conv1", "fc"),
    blobs: int = 1,
) -> None:
    """Write a snapshot of the job at iteration 20, with so many history blobs for each param."""
    weights = [weights_of(layer) for layer in layers]
    history = [np.zeros_like(blob) for layer in weights for blob in layer.blobs]
    state = SolverState(20, f"{name}.caffemodel", history * blobs)
    write_solver_state(folder / f"{name}.solverstate", state)
    write_weights(folder / f"{name}.caffemodel", weights)
