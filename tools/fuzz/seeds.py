"""The files that the fuzzers begin with, made by code and by ssdh itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import plyvel
from numpy.typing import NDArray

from ssdh_surgery.data.datum import write_raw

_STOCK = Path(__file__).parent.parent / "faults" / "stock.py"
_COMMANDS = (
    "data mean records mean.binaryproto",
    "data mean records mean.npy",
    "encode photos -o a.h5",
    "encode photos -o a.parquet",
)


def write_seeds(folder: Path) -> None:
    """Write the inputs of all readers."""
    subprocess.run([sys.executable, str(_STOCK), str(folder)], check=True)
    for line in _COMMANDS:
        command = [sys.executable, "-m", "ssdh_surgery", "-q", *line.split()]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    pixels = np.random.default_rng(1).integers(0, 255, (3, 6, 6)).astype(np.uint8)
    (folder / "datum").write_bytes(write_raw(pixels, 1))
    _write_leveldb(folder / "level", pixels)
    for name in ("image.png", "image.jpg"):
        cv2.imwrite(str(folder / name), pixels.transpose(1, 2, 0))
    (folder / "labels.txt").write_text("cats\ndogs\n")
    windows = "# 0\nimage.png\n3 6 6\n2\n1 0.9 0 0 3 3\n0 0.1 1 1 5 5\n"
    (folder / "windows.txt").write_text(windows + windows.replace("# 0", "# 1"))
    log = next(folder.glob("runs/*/*.log"))
    (folder / "train.log").write_bytes(log.read_bytes())


def _write_leveldb(path: Path, pixels: NDArray[np.uint8]) -> None:
    """A LevelDB with records in a table, and others in a log."""
    database = plyvel.DB(str(path), create_if_missing=True)
    for number in range(20):
        database.put(b"%04d" % number, write_raw(pixels, number % 3))
    database.compact_range()
    database.put(b"0007", write_raw(pixels, 9))
    database.close()
