"""Small runs of the embedded engine, for tests to watch."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ssdh_surgery.caffe.weights.binary_weights import read_weights
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.torch.run.torch_trainer import TorchTrainer
from ssdh_surgery.engines.trainer import TrainJob
from support.paths import GOLDEN

TRAIN = GOLDEN / "train"

NET = """name: "small"
layer { name: "data" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.01 %(transform)s }
  data_param { source: "records" batch_size: %(batch)d backend: LMDB } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 6 weight_filler { type: "xavier" } } }
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
%(more)s
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "accuracy" type: "Accuracy" bottom: "ip2" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""
DROPOUT = """layer { name: "drop1" type: "Dropout" bottom: "ip1" top: "ip1" }"""
SOLVER = {
    "net": '"net.prototxt"',
    "base_lr": "0.1",
    "lr_policy": '"fixed"',
    "momentum": "0.9",
    "max_iter": "6",
    "display": "1",
    "snapshot_prefix": '"snap"',
    "snapshot_after_train": "false",
    "random_seed": "7",
    "solver_mode": "CPU",
}


def write_records(folder: Path, count: int = 10, name: str = "records") -> None:
    """An LMDB of pictures of 2 x 5 x 5, labels 0, 1, 2, 0, 1, ..."""
    random = np.random.default_rng(1)
    with LmdbWriter(folder / name) as writer:
        for number in range(count):
            label = number % 3
            picture = random.integers(0, 80, (2, 5, 5)).astype(np.uint8)
            picture[label % 2] += np.uint8(60 * label)
            writer.put(f"{number:08d}".encode(), write_raw(picture, label))


def write_net(
    folder: Path, *, batch: int = 4, transform: str = "", more: str = "", name: str = "net.prototxt"
) -> None:
    """A net of two inner products on the records."""
    text = NET % {"batch": batch, "transform": transform, "more": more}
    (folder / name).write_text(text)


def write_solver(folder: Path, name: str = "solver.prototxt", **fields: Any) -> Path:
    """A solver; a field of None is left out, a list is repeated."""
    lines = []
    for field_name, value in (SOLVER | fields).items():
        values = value if isinstance(value, list) else [value]
        lines += [f"{field_name}: {each}" for each in values if each is not None]
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def write_all(folder: Path, **fields: Any) -> Path:
    """Records, a net with random crops, mirrors and dropout, and a solver."""
    write_records(folder)
    write_net(folder, transform="crop_size: 4 mirror: true", more=DROPOUT)
    return write_solver(folder, **fields)


@dataclass
class Run:
    """A run that has ended: its events and its log."""

    events: list[Event]
    log: Path

    def all(self, kind: type[Event]) -> list[Any]:
        """The events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def text(self) -> str:
        """The log."""
        return self.log.read_text()


@dataclass
class Runner:
    """Starts runs in a folder, each with its own log."""

    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    count: int = 0

    def job(self, solver: Path, **fields: Any) -> TrainJob:
        """A job with a new log."""
        self.count += 1
        log = self.folder / f"{self.count}.log"
        return TrainJob(str(solver), self.folder, log, **fields)

    def start(self, solver: Path, **fields: Any) -> tuple[TorchTrainer, Iterator[Event], Path]:
        """A trainer, its run that has begun, and the log."""
        job = self.job(solver, **fields)
        trainer = TorchTrainer(**({"threads": 1, "readers": 1} | self.options))
        return trainer, trainer.run(job), job.log

    def run(self, solver: Path, **fields: Any) -> Run:
        """A whole run."""
        _, events, log = self.start(solver, **fields)
        return Run(list(events), log)


def weights(path: Path) -> dict[str, np.ndarray]:
    """The blobs in a weights file by layer and index."""
    return {
        f"{layer.name}/{index}": blob
        for layer in read_weights(path).layers
        for index, blob in enumerate(layer.blobs)
    }


def difference(one: Path, other: Path) -> float:
    """The largest relative difference in norm of the blobs of two weights files."""
    ours, theirs = weights(one), weights(other)
    assert ours.keys() == theirs.keys()
    return max(
        float(np.linalg.norm(blob - theirs[name]) / np.linalg.norm(theirs[name]))
        for name, blob in ours.items()
    )


def copy_golden(folder: Path) -> None:
    """The folder of Caffe's training records, to run in."""
    shutil.copytree(TRAIN, folder, dirs_exist_ok=True)
