"""What findings about records say of Caffe, against the real one: it stops, or goes on.

Encoded images of several sizes are left out: BVLC stops at them, and Caffes of SSD's lineage, like
the one at hand, copy an image of another size over the rows of the last one.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery.data.datum import write_encoded, write_raw
from support.check_folders import classifier, data_layer, found, labelled, write_lmdb
from support.leveldbs import write_leveldb

pytestmark = pytest.mark.caffe

SOLVER = (
    'net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 12 solver_mode: CPU '
    'snapshot_prefix: "run"\n'
)
# Convolution and global pooling: it takes images of any size, and any number of channels but
# another one than before.
ANY_SIZE = """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 3 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "fc"
  pooling_param { pool: AVE global_pooling: true } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


@pytest.fixture
def train(caffe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Whether Caffe trains to the end; a heap that it damaged may still abort it there."""

    monkeypatch.chdir(tmp_path)
    Path("solver.prototxt").write_text(SOLVER)

    def run() -> bool:
        command = [str(caffe), "train", "--solver=solver.prototxt"]
        done = subprocess.run(command, capture_output=True, check=False)
        return b"Optimization Done" in done.stderr

    return run


def raw(*shapes: tuple[int, int, int]) -> list[bytes]:
    random = np.random.default_rng(1)
    return [
        write_raw(random.integers(0, 256, shapes[n % len(shapes)]).astype(np.uint8), n % 3)
        for n in range(12)
    ]


def encoded(*shapes: tuple[int, ...], dtype: type = np.uint8) -> list[bytes]:
    images = [np.full(shapes[n % len(shapes)], 40 * n, dtype) for n in range(6)]
    return [
        write_encoded(cv2.imencode(".png", image)[1].tobytes(), n % 3)
        for n, image in enumerate(images)
    ]


@pytest.mark.parametrize(
    ("records", "transform", "batch", "stops"),
    [
        (raw((3, 8, 8), (3, 9, 8)), "", 2, True),
        (raw((3, 8, 8), (3, 9, 8)), "", 1, False),
        (raw((3, 8, 8), (3, 9, 8)), "crop_size: 8", 2, False),
        (raw((3, 8, 8), (3, 9, 8)), "crop_size: 9", 2, True),
        (raw((3, 8, 8), (1, 8, 8)), "crop_size: 8", 2, True),
        (raw((3, 8, 8), (1, 8, 8)), "", 1, True),
        (encoded((8, 8), (8, 8, 3)), "", 2, True),
        (encoded((8, 8), (8, 8, 3)), "force_color: true", 2, False),
        (encoded((8, 8), (8, 8, 3)), "force_gray: true", 2, False),
        (encoded((8, 8), dtype=np.uint16), "", 2, True),
        (encoded((8, 8), dtype=np.uint16), "force_gray: true", 2, False),
        ([*encoded((8, 8))[:5], write_encoded(b"no image", 1)], "", 2, True),
        ([*encoded((8, 8, 3))[:3], *raw((3, 8, 8))], "", 2, False),
    ],
)
def test_sizes_and_images_that_caffe_takes(
    train: Callable[[], bool], records: list[bytes], transform: str, batch: int, stops: bool
) -> None:
    write_lmdb("lmdb", records)
    layer = data_layer("lmdb", more=f"transform_param {{ {transform} }}")
    net = layer.replace("batch_size: 2", f"batch_size: {batch}") + ANY_SIZE
    errors = [each.code for each in found(net, SOLVER) if each.is_error]
    assert bool(errors) == stops
    assert set(errors) <= {"SSDH110", "SSDH113"}
    assert train() != stops


def test_a_short_record_goes_unnoticed(train: Callable[[], bool]) -> None:
    short = raw((1, 8, 8))[0]
    records = raw((1, 8, 8))
    records[5] = short[:6] + b"\x22\x02ab" + short[-4:]
    write_lmdb("lmdb", records)
    assert [each.code for each in found(data_layer("lmdb") + classifier(3), SOLVER)] == ["SSDH111"]
    assert train()


def test_labels_that_caffe_does_not_check_in_a_leveldb(train: Callable[[], bool]) -> None:
    write_leveldb("level", labelled([0, 1, 2, 3] * 3))
    layer = data_layer("level").replace("backend: LMDB", "")
    assert [each.code for each in found(layer + classifier(3), SOLVER)] == ["SSDH101"]
    assert train()


def test_a_leveldb_that_two_layers_open(train: Callable[[], bool]) -> None:
    """It stops, or shares one reader: which of the two depends on the age of Caffe."""
    write_leveldb("level", labelled([0, 1, 2] * 3))
    layer = data_layer("level").replace("backend: LMDB", "")
    other = layer.replace('name: "data"', 'name: "other"').replace(
        'top: "data" top: "label"', 'top: "o"'
    )
    silence = 'layer { name: "s" type: "Silence" bottom: "o" }\n'
    net = layer + other + silence + classifier(3)
    assert [each.code for each in found(net, SOLVER)] == ["SSDH122"]
    assert not train()
