"""Start-up: `--version`, `patch --diff` and `check`, compared with what cannot be done without.

Whole processes run in turn, A B A B; the ratio is that of the medians. Modules are compiled once,
as in an installed package. The comparison with pycaffe is one of CPU time, since the libraries of
pycaffe start threads; it needs the Caffe of `make caffe`.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.caffe.shapes import shapes
from ssdh_surgery.caffe.weights.binary_weights import write_weights
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.engines.caffe_binary.executable import built_pycaffe
from ssdh_surgery.prototxt.parser import parse

RUNS = 15
SSDH = [sys.executable, "-c", "from ssdh_surgery.cli import main; main()"]
PATCH = [*SSDH, "patch", "train_val.prototxt", "--diff"]
CHECK = [*SSDH, "-q", "check", "solver.prototxt", "--weights", "weights.caffemodel"]
RECORDS = 1000
BY_HAND = Path(__file__).parent / "by_hand" / "pycaffe_patch.py"
# With this variable, each run would compile the modules of this checkout, and only those.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def write_run(folder: Path) -> None:
    """GoogLeNet with its solver, 28 MB of weights, and records in both LMDBs."""
    subprocess.run([*SSDH, "-q", "zoo", "write", "googlenet"], cwd=folder, check=True)
    random = np.random.default_rng(0)
    net = net_of(parse((folder / "deploy.prototxt").read_bytes(), "deploy.prototxt"))
    layers = [
        LayerWeights(
            each.layer.name,
            each.layer.type,
            tuple(random.standard_normal(shape, np.float32) for shape in each.params or ()),
        )
        for each in shapes(net, "TEST").layers
    ]
    write_weights(folder / "weights.caffemodel", layers, name=net.name)
    data = folder / "examples" / "imagenet"
    data.mkdir(parents=True)
    for phase in ("train", "val"):
        with LmdbWriter(data / f"ilsvrc12_{phase}_lmdb") as writer:
            for number in range(RECORDS):
                picture = random.integers(0, 256, (3, 256, 256), np.uint8)
                writer.put(b"%08d" % number, write_raw(picture, number))


def run(command: list[str], cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)


def seconds(command: list[str], cwd: Path) -> float:
    start = time.perf_counter()
    run(command, cwd)
    return time.perf_counter() - start


def cpu_seconds(command: list[str], cwd: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command, cwd)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(
    title: str,
    ours: list[str],
    theirs: list[str],
    bound: float,
    folder: Path,
    measure: Callable[[list[str], Path], float] = seconds,
) -> None:
    measure(ours, folder)
    measure(theirs, folder)
    pairs = [(measure(ours, folder), measure(theirs, folder)) for _ in range(RUNS)]
    our_median, their_median = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"{title}: {our_median * 1e3:.0f} ms to {their_median * 1e3:.0f} ms, "
        f"ratio {our_median / their_median:.2f} (target: at most {bound})"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_run(folder)
        click = [sys.executable, "-c", "import click"]
        compare("ssdh --version to import click", [*SSDH, "--version"], click, 1.6, folder)
        imports = "import click; from google.protobuf import text_format"
        compare(
            "ssdh patch --diff on GoogLeNet to its imports",
            PATCH,
            [sys.executable, "-c", imports],
            2.5,
            folder,
        )
        imports = "import click, rich, numpy, lmdb; from google.protobuf import text_format"
        compare(
            "ssdh check of GoogLeNet, its LMDBs and 28 MB of weights to its imports and a read",
            CHECK,
            [sys.executable, "-c", f"{imports}; open('weights.caffemodel', 'rb').read()"],
            4.0,
            folder,
        )
        pycaffe = built_pycaffe()
        if pycaffe is None:
            print("no Caffe to compare with: run `make caffe` first")
            return
        compare(
            "CPU time of ssdh patch --diff on GoogLeNet to that of a pycaffe script",
            PATCH,
            [sys.executable, str(BY_HAND), str(pycaffe)],
            1.0,
            folder,
            cpu_seconds,
        )


if __name__ == "__main__":
    main()
