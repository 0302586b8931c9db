"""GoogLeNet's codes of JPEGs, compared with Caffe's extract_features: both decode, warp and crop.

python benchmarks/encode.py [--rounds N] [--images N]

Whole commands take turns: Caffe's tool with an ImageData layer that reads the list, and
`ssdh encode` with its engines. Each also runs on a few images, which measures start-up and
reading the weights; the rates are those of the remaining images, by wall-clock time and by CPU
time, which other work on the cores disturbs less. Prints the medians of the rounds and of the
ratios within each round, and how closely the activations agree. The target is four times
Caffe's rate. Needs `make caffe`.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import ssdh_surgery
from ssdh_surgery.data.datum import read_datum
from ssdh_surgery.data.image import encode, opencv
from ssdh_surgery.data.lmdb_store import LmdbStore
from ssdh_surgery.engines.caffe_binary.executable import built_caffe
from ssdh_surgery.retrieval.codes.code_file import read_codes

IMAGES, BATCH, THREADS, ROUNDS = 200, 10, 2, 5
# The cost of a run on so few images counts as start-up.
FEW = BATCH
WIDTH, HEIGHT = 500, 375
MEAN = (104, 117, 123)
SIDES = ("caffe", "torch", "onnx")
NET, WEIGHTS = "googlenet_deploy_ssdh.prototxt", "net.caffemodel"
CODE = "latent_SSDH_encode"
IMAGE_DATA = """layer { name: "data" type: "ImageData" top: "data" top: "label"
  transform_param { crop_size: 224 mean_value: %d mean_value: %d mean_value: %d }
  image_data_param { source: "%s" batch_size: %d new_width: 256 new_height: 256 } }
"""
ENVIRONMENT = os.environ | {
    "OPENBLAS_NUM_THREADS": str(THREADS),
    "OMP_NUM_THREADS": str(THREADS),
    "GLOG_minloglevel": "2",
}


def make_images(count: int) -> None:
    """Write JPEGs with the detail, and so about the file size, of photographs, and their lists."""
    random = np.random.default_rng(1)
    lines = []
    for number in range(count):
        coarse = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        image = opencv().resize(coarse, (WIDTH, HEIGHT), interpolation=2)
        noisy = (image + random.normal(0, 12, image.shape)).clip(0, 255).astype(np.uint8)
        name = f"{number:04}.jpg"
        Path(name).write_bytes(encode(noisy, "jpg"))
        lines.append(f"{name} 0\n")
    Path("all.txt").write_text("".join(lines))
    Path("few.txt").write_text("".join(lines[:FEW]))


def make_net() -> None:
    """Write GoogLeNet with a hash layer and random weights, and the nets for Caffe's tool."""
    command = [sys.executable, "-m", "ssdh_surgery", "-q", "deploy", "zoo:googlenet/deploy"]
    subprocess.run(
        [*command, "--out", ".", "--remove", "delete"], check=True, stdout=subprocess.DEVNULL
    )
    net = ssdh_surgery.open_net(NET, engine="torch")
    random = np.random.default_rng(1)
    for params in net.params.values():
        kernel = params[0].data
        kernel[...] = random.normal(0, (2 / kernel[0].size) ** 0.5, kernel.shape)
    # Activations near 0.5 show best how closely the sides agree.
    net.params["latent_SSDH"][0].data[...] *= 0.01
    net.save(WEIGHTS)
    text = Path(NET).read_text()
    for source in ("all", "few"):
        data = IMAGE_DATA % (*MEAN, f"{source}.txt", BATCH)
        caffe_net, count = re.subn(r'(?s)layer \{\n  name: "data".*?\n\}\n', data, text, count=1)
        assert count, "the net has no layer 'data'"
        Path(f"{source}.prototxt").write_text(caffe_net)


def command(side: str, source: str, batches: int) -> list[str]:
    """The command that encodes a list of images."""
    if side == "caffe":
        caffe = built_caffe()
        if caffe is None:
            raise SystemExit("no Caffe to compare with: run `make caffe` first")
        tool = str(caffe.with_name("extract_features"))
        return [tool, WEIGHTS, f"{source}.prototxt", CODE, "caffe", str(batches), "lmdb", "CPU"]
    mean = ",".join(map(str, MEAN))
    return [
        *(sys.executable, "-m", "ssdh_surgery", "-q", "encode", f"{source}.txt"),
        *("-o", f"{side}.npz", "--activations", "--force", "--engine", side),
        *(
            "--deploy",
            NET,
            "--weights",
            WEIGHTS,
            "--resize",
            "256x256",
            "--mean-value",
            mean,
            "--crop",
            "224",
        ),
    ]


class Times(NamedTuple):
    """Wall-clock time and CPU time, in seconds."""

    wall: float
    cpu: float

    def __sub__(self, other: Times) -> Times:
        return Times(self.wall - other.wall, self.cpu - other.cpu)


def times(side: str, source: str, images: int) -> Times:
    """The times of a whole command."""
    if side == "caffe":  # extract_features refuses an LMDB that exists
        shutil.rmtree(side, ignore_errors=True)
    words = command(side, source, -(-images // BATCH))
    before = now()
    process = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True)
    if process.returncode:
        raise SystemExit(f"{' '.join(words)}\n{process.stderr}")
    return now() - before


def now() -> Times:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Times(time.perf_counter(), used.ru_utime + used.ru_stime)


def activations(side: str) -> NDArray[np.float32]:
    """The activations that a side's last run wrote."""
    if side != "caffe":
        values = read_codes(Path(f"{side}.npz")).activations
        assert values is not None
        return values
    with LmdbStore(Path("caffe")) as store:
        rows: list[Any] = [read_datum(record).floats for _, record in store.items()]
    return np.stack(rows)


def measure(images: int, rounds: int) -> None:
    """Let the sides take turns, and print a table."""
    starts: dict[str, list[Times]] = {side: [] for side in SIDES}
    wholes: dict[str, list[Times]] = {side: [] for side in SIDES}
    for number in range(rounds):
        for side in SIDES if number % 2 == 0 else SIDES[::-1]:
            starts[side].append(times(side, "few", FEW))
            wholes[side].append(times(side, "all", images))
    outputs = {side: activations(side)[:images] for side in SIDES}
    print(f"{images} JPEGs of {WIDTH} x {HEIGHT}, {THREADS} threads, {rounds} rounds, medians")
    for side in SIDES:
        net_times = {
            name: [whole - start for whole, start in zip(wholes[name], starts[name], strict=True)]
            for name in ("caffe", side)
        }
        rate = (images - FEW) / statistics.median(each.wall for each in net_times[side])
        cpu = statistics.median(each.cpu for each in net_times[side]) / (images - FEW)
        pairs = list(zip(net_times["caffe"], net_times[side], strict=True))
        wall_ratios = [theirs.wall / ours.wall for theirs, ours in pairs]
        cpu_ratios = [theirs.cpu / ours.cpu for theirs, ours in pairs]
        difference = np.abs(outputs[side] - outputs["caffe"]).max()
        equal_bits = np.mean((outputs[side] > 0.5) == (outputs["caffe"] > 0.5))
        print(
            f"  {side:6} start-up {statistics.median(each.wall for each in starts[side]):5.2f} s  "
            f"{rate:6.1f} images/s x{span(wall_ratios)}  "
            f"{cpu * 1000:5.1f} ms CPU per image x{span(cpu_ratios)}  "
            f"activations within {difference:.1e}, {equal_bits:.2%} of bits equal"
        )


def span(ratios: list[float]) -> str:
    """The median of ratios, with their minimum and maximum."""
    return f"{statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="default: %(default)s")
    parser.add_argument("--images", type=int, default=IMAGES, help="default: %(default)s")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_images(options.images)
        make_net()
        measure(options.images, options.rounds)
        os.chdir("/")


if __name__ == "__main__":
    main()
