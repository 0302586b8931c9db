"""The real Caffe sets up the solvers and nets of the zoo, on tiny LMDBs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb
import pytest

from ssdh_surgery import zoo
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe
from ssdh_surgery.zoo import catalogue
from ssdh_surgery.zoo.catalogue import KINDS

# Every architecture; of AlexNet's and VGG's wide nets the data of a batch alone fill a GB.
NAMES = [
    "lenet",
    "cifar10-quick",
    "googlenet",
    "inception-v3",
    "resnet-18",
    "resnet-50",
    "squeezenet-1.0",
    "squeezenet-1.1",
    "densenet-121",
    "mobilenet-v1",
    "mobilenet-v2",
]

PROGRAM = """
import json, math, sys
sys.path.insert(0, sys.argv[1])
import caffe

def of(net):
    values = sum(math.prod(blob.shape) for blobs in net.params.values() for blob in blobs)
    return values, sorted(net.outputs)

solver = caffe.get_solver("solver.prototxt")
deploy = caffe.Net("deploy.prototxt", caffe.TEST)
found = {"TRAIN": of(solver.net), "TEST": of(solver.test_nets[0]), "deploy": of(deploy)}
print(json.dumps(found))
"""


def write_lmdb(folder: Path, channels: int, size: int) -> None:
    datum = schema.Datum(channels=channels, height=size, width=size, label=1)
    datum.data = bytes(channels * size * size)
    with lmdb.open(str(folder), map_size=1 << 24) as database, database.begin(write=True) as txn:
        txn.put(b"00000000", datum.SerializeToString())


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the train nets read, under the names that they have for it."""
    folder = tmp_path_factory.mktemp("zoo")
    for source, channels, size in [
        ("mnist/mnist_{}_lmdb", 1, 28),
        ("cifar10/cifar10_{}_lmdb", 3, 32),
        ("imagenet/ilsvrc12_{}_lmdb", 3, 300),
    ]:
        for part in ("train", "val" if "ilsvrc12" in source else "test"):
            path = folder / "examples" / source.format(part)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_lmdb(path, channels, size)
    mean = schema.BlobProto(num=1, channels=3, height=32, width=32, data=[0] * 3 * 32 * 32)
    (folder / "examples/cifar10/mean.binaryproto").write_bytes(mean.SerializeToString())
    return folder


@pytest.mark.caffe
@pytest.mark.parametrize("name", NAMES)
def test_caffe_sets_up_the_three_files(name: str, data: Path, count: Callable[[str], Any]) -> None:
    for kind in KINDS:
        # The built Caffe has another word for it: no_round_mode in caffe_differences.toml.
        text = zoo.text(name, kind).replace("round_mode: FLOOR", "ceil_mode: false")
        (data / catalogue.FILE_NAMES[kind]).write_text(text)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(built_pycaffe())],
        cwd=data,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout)
    values = count(name).learned + count(name).statistics
    # Only GoogLeNet's train net has heads that its deploy net does not have.
    auxiliary = 6_379_728 if name == "googlenet" else 0
    assert found["deploy"][0] == values
    assert found["TRAIN"][0] == found["TEST"][0] == values + auxiliary
    assert any("loss" in output for output in found["TRAIN"][1])
    assert any("acc" in output or "top-1" in output for output in found["TEST"][1])
