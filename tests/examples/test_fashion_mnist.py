"""The example on Fashion-MNIST, in seconds: few iterations on digits in the files' own form."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

from support.paths import ROOT

SCRIPT = ROOT / "examples" / "fashion_mnist" / "run.py"


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words], cwd=cwd, capture_output=True, text=True, check=False
    )


def write_idx(path: Path, values: np.ndarray) -> None:
    head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(head + values.astype(np.uint8).tobytes()))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("idx")
    digits = load_digits()
    images = np.stack(
        [cv2.resize((digit * 15.9).astype(np.uint8), (28, 28)) for digit in digits.images]
    )
    for stem, part in (("train", slice(300, None)), ("t10k", slice(300))):
        write_idx(folder / f"{stem}-images-idx3-ubyte.gz", images[part])
        write_idx(folder / f"{stem}-labels-idx1-ubyte.gz", digits.target[part])
    return folder


def test_all_commands_run(data: Path, tmp_path: Path) -> None:
    words = ("--data", str(data), "--iterations", "60", "--limit", "1200")
    ran = run(*words, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "300 queries, 1,200 in the database, 48 bits" in ran.stdout
    head = ["codes", "lsh", "pca-sign", "itq", "features"]
    assert head in [line.split() for line in ran.stdout.splitlines()]
    figures = dict(re.findall(r"^(\S+) +(0\.\d+)", ran.stdout, re.MULTILINE))
    assert float(figures["mAP@all"]) > 0.2  # the codes; of ten classes chance gives 0.1
    again = run(*words, cwd=tmp_path)
    assert again.returncode == 2
    assert "fashion exists" in again.stderr


def test_missing_data_are_reported_with_the_package(tmp_path: Path) -> None:
    ran = run("--data", "nowhere", cwd=tmp_path)
    assert ran.returncode == 2
    assert "apt-get install dataset-fashion-mnist" in ran.stderr
    assert not (tmp_path / "fashion").exists()
