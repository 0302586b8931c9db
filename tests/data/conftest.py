"""Small pictures and LMDBs for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import lmdb
import numpy as np
import pytest
from numpy.typing import NDArray

from ssdh_surgery.data.datum import write_raw


def make_picture(seed: int, height: int = 40, width: int = 60, channels: int = 3) -> NDArray:
    """Something with edges, gradients and noise, uint8 [H, W, channels]."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, channels))
    image = np.kron(blocks, np.ones((8, 8, 1)))[:height, :width]
    noisy = image + random.normal(0, 10, image.shape)
    return noisy.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def picture() -> Callable[..., NDArray]:
    return make_picture


@pytest.fixture
def make_lmdb(tmp_path: Path) -> Callable[..., Path]:
    """An LMDB made with nothing but the lmdb package, of (key, record) pairs."""

    def make(items: Iterable[tuple[bytes, bytes]], name: str = "lmdb") -> Path:
        path = tmp_path / name
        with lmdb.open(str(path), map_size=1 << 26) as env, env.begin(write=True) as transaction:
            for key, record in items:
                transaction.put(key, record)
        return path

    return make


@pytest.fixture
def small_lmdb(make_lmdb: Callable[..., Path]) -> Path:
    """Seven raw records of 3 x 4 x 5, labels 0, 1, 2, 0, 1, 2, 0."""
    pixels = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    return make_lmdb((b"%08d_p" % i, write_raw(pixels + i, i % 3)) for i in range(7))
