"""A patched net of three layers on ten pictures, which the embedded engine trains in a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from support.command_line import Ssdh
from support.training import write_net, write_solver


def write_hashed(ssdh: Ssdh, folder: Path, *, bits: int = 8, **fields: object) -> None:
    """Records, net, solver, weights to start from, and what patch and deploy make of them."""
    random = np.random.default_rng(1)
    with LmdbWriter(folder / "records") as writer:
        for number in range(10):
            picture = random.integers(0, 255, (3, 5, 5)).astype(np.uint8)
            writer.put(f"{number:08d}".encode(), write_raw(picture, number % 3))
    write_net(folder)
    write_solver(folder, **({"snapshot_after_train": None, "test_iter": 2} | fields))
    solver = (folder / "solver.prototxt").read_text()
    (folder / "solver.prototxt").write_text(solver + "test_interval: 3\n")
    ssdh("train", "solver.prototxt", "--engine", "torch", "--iterations", "1")
    (folder / "snap_iter_1.caffemodel").rename(folder / "start.caffemodel")
    (folder / "snap_iter_1.solverstate").unlink()
    ssdh("patch", "net.prototxt", "--bits", str(bits))
    ssdh("deploy")
