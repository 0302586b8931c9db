"""`ssdh check`: its scan of an LMDB, a second check, and GoogLeNet with its weights, as ratios.

The scan of 200,000 small records is compared with a loop that parses each with protobuf and counts
the labels, and with a second check, which remembers the first. Whole processes run in turn; the
ratio is that of the medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.caffe.weights.binary_weights import write_weights
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.prototxt.parser import parse

RUNS, RECORDS, SAMPLED = 5, 200_000, 500
# With this variable, each run would compile the modules of this checkout, and only those.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
CHECK = [sys.executable, "-m", "ssdh_surgery", "-q", "check"]
NAIVE = """
import collections, lmdb
from ssdh_surgery.caffe.messages.schema import message_class
Datum = message_class("Datum")
labels = collections.Counter()
with lmdb.open("lmdb", readonly=True, lock=False) as env, env.begin() as transaction:
    for key, value in transaction.cursor():
        labels[Datum.FromString(value).label] += 1
print(len(labels))
"""
NET = """
layer { name: "data" type: "Data" top: "data" top: "label"
  data_param { source: "lmdb" batch_size: 64 backend: LMDB } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 10 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""


def seconds(command: list[str], folder: Path, *, is_first: bool = False) -> float:
    """The time of a process; as a first one it finds no scan that is remembered."""
    cache = tempfile.mkdtemp(dir=folder) if is_first else str(folder / "cache")
    environment = ENVIRONMENT | {"XDG_CACHE_HOME": cache}
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return time.perf_counter() - start


def records(count: int, size: int, classes: int) -> Iterator[bytes]:
    random = np.random.default_rng(0)
    for label in random.integers(0, classes, count):
        yield write_raw(random.integers(0, 256, (3, size, size)).astype(np.uint8), int(label))


def write(path: Path, count: int, size: int, classes: int) -> None:
    with LmdbWriter(path) as writer:
        for number, record in enumerate(records(count, size, classes)):
            writer.put(b"%08d" % number, record)


def small_records(folder: Path) -> None:
    """First and second checks, and a loop over protobuf messages."""
    write(folder / "lmdb", RECORDS, 4, 10)
    (folder / "net.prototxt").write_text(NET)
    check, naive = [*CHECK, "net.prototxt"], [sys.executable, "-c", NAIVE]
    seconds(check, folder)
    rows = [
        (seconds(check, folder, is_first=True), seconds(check, folder), seconds(naive, folder))
        for _ in range(RUNS)
    ]
    first, second, loop = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"check of {RECORDS:,} records: {first:.2f} s, to a loop over protobuf messages "
        f"{loop:.2f} s, ratio {first / loop:.2f} (target: at most 4)"
    )
    print(
        f"second check: {second:.2f} s, to the first ratio {second / first:.2f} (target: at most "
        "0.8)"
    )


def googlenet(folder: Path) -> None:
    """The whole process on GoogLeNet with weights and a sample of its data."""
    subprocess.run([*CHECK[:-1], "zoo", "write", "googlenet"], cwd=folder, check=True)
    net = folder / "train_val.prototxt"
    view = net_of(parse(net.read_bytes()))
    data = folder / "examples" / "imagenet"
    data.mkdir(parents=True)
    for name in ("train", "val"):
        write(data / f"ilsvrc12_{name}_lmdb", SAMPLED, 256, 1000)
    state = view.run_states[0]
    layers = [
        LayerWeights(layer, "", tuple(np.zeros(shape, np.float32) for shape in params))
        for layer, params in shapes(view, state, {"data": (32, 3, 224, 224)}).params.items()
    ]
    write_weights(folder / "net.caffemodel", layers)
    command = [*CHECK, "--output-format", "json", "--weights", "net.caffemodel", "solver.prototxt"]
    libraries = "import click, lmdb, numpy; from google.protobuf import text_format"
    imports = [sys.executable, "-c", libraries]
    seconds(command, folder)
    rows = [(seconds(command, folder), seconds(imports, folder)) for _ in range(RUNS)]
    ours, theirs = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"check of GoogLeNet with weights: {ours:.2f} s, to its imports {theirs:.2f} s, ratio "
        f"{ours / theirs:.2f} (target: at most 5)"
    )


def main() -> None:
    for measure in (small_records, googlenet):
        with tempfile.TemporaryDirectory() as name:
            measure(Path(name))


if __name__ == "__main__":
    main()
