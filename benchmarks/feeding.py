"""The time that the embedded engine waits for data: GoogLeNet, trained on encoded records.

python benchmarks/feeding.py [ITERATIONS]

Trains the zoo's GoogLeNet (batch 10, crop 224, mirror, mean values) on an LMDB of JPEGs of
256 x 256 and prints the images per second and the share of the time that the net waited for a
batch; the target is below 3 %. Then does the same with a net that takes almost no time, which
shows how many records per second the threads can prepare.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from ssdh_surgery import zoo
from ssdh_surgery.data.datum import write_encoded
from ssdh_surgery.data.image import encode, opencv
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.engines import events
from ssdh_surgery.engines.torch.run.torch_trainer import TorchTrainer
from ssdh_surgery.engines.trainer import TrainJob

RECORDS, SIZE, BATCH = 200, 256, 10
DATA = """layer { name: "data" type: "Data" top: "data" top: "label"
  transform_param { crop_size: 224 mirror: true mean_value: 104 mean_value: 117 mean_value: 123 }
  data_param { source: "records" batch_size: %d backend: LMDB } }
"""
CHEAP = """layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param { pool: AVE global_pooling: true } }
layer { name: "ip" type: "InnerProduct" bottom: "pool" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = """net: "net.prototxt" base_lr: 0.0001 lr_policy: "fixed" momentum: 0.9 max_iter: %d
snapshot_after_train: false solver_mode: CPU random_seed: 1
"""


def make_records(folder: Path) -> None:
    """Write an LMDB of JPEGs with the detail, and so about the file size, of photographs."""
    random = np.random.default_rng(1)
    with LmdbWriter(folder / "records") as writer:
        for number in range(RECORDS):
            coarse = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
            image = opencv().resize(coarse, (SIZE, SIZE), interpolation=2)
            noisy = (image + random.normal(0, 12, image.shape)).clip(0, 255).astype(np.uint8)
            record = write_encoded(encode(noisy, "jpg"), number % 10)
            writer.put(f"{number:08d}".encode(), record)


def measure(folder: Path, text: str, batch: int, iterations: int) -> None:
    """Train, and print the rate and the share of time spent waiting."""
    (folder / "net.prototxt").write_text(DATA % batch + text)
    solver = folder / "solver.prototxt"
    solver.write_text(SOLVER % iterations)
    log = folder / f"{batch}.log"
    start = end = 0.0
    for event in TorchTrainer(threads=2).run(TrainJob(str(solver), folder, log)):
        if isinstance(event, events.TrainingStart):
            start = event.elapsed
        if isinstance(event, events.TrainingEnd):
            end = event.elapsed
    (share,) = re.findall(r"Waiting for data took ([\d.]+%)", log.read_text())
    rate = batch * iterations / (end - start)
    print(f"{rate:8.1f} images/s   {share:>6} of the time waiting")


def without_data(text: str) -> str:
    """A train net of the zoo without its data layers and its layers for TEST."""
    layers = re.split(r"(?m)^(?=layer \{)", text)[1:]
    return "".join(
        layer for layer in layers if '"Data"' not in layer and "phase: TEST" not in layer
    )


def main() -> None:
    iterations = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_records(folder)
        print("GoogLeNet, batch 10, 2 threads:")
        measure(folder, without_data(zoo.text("googlenet", "train_val")), BATCH, iterations)
        print("a net that takes almost no time, batch 32:")
        measure(folder, CHEAP, 32, 40)


if __name__ == "__main__":
    main()
