"""Real pictures for tests: tiles of scikit-learn's two photographs, as an LMDB that Caffe reads."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn import datasets

from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter


def tiles(size: int, count: int) -> list[tuple[NDArray[np.uint8], int]]:
    """Tiles of the photographs, [3, size, size] in Caffe's channel order; labels 0 and 1."""
    found: list[tuple[NDArray[np.uint8], int]] = []
    folder = Path(datasets.__file__).parent / "images"
    photographs = [cv2.imread(str(folder / name)) for name in ("china.jpg", "flower.jpg")]
    for number in range(count):
        label = number % len(photographs)
        photograph = photographs[label]
        height, width = photograph.shape[:2]
        top = (number * 61) % (height - 128)
        left = (number * 97) % (width - 128)
        resized = cv2.resize(photograph[top : top + 128, left : left + 128], (size, size))
        found.append((np.ascontiguousarray(resized.transpose(2, 0, 1)), label))
    return found


def write_lmdb(path: Path, size: int, count: int) -> None:
    """An LMDB of raw Datums, keyed as `convert_imageset` keys them."""
    with LmdbWriter(path) as writer:
        for number, (pixels, label) in enumerate(tiles(size, count)):
            writer.put(f"{number:08d}_tile".encode(), write_raw(pixels, label))
