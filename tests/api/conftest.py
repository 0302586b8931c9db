"""Folders for the functions: a small net with its solver, and images with a net that encodes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net
from support import lenet
from support.command_line import Ssdh

ENCODER = """\
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }
layer { name: "latent" type: "InnerProduct" bottom: "data" top: "latent"
  inner_product_param { num_output: 20 weight_filler { type: "gaussian" std: 0.01 } } }
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the three files of LeNet, which is the current one."""
    lenet.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images of two classes and a net, which is the current one."""
    monkeypatch.chdir(tmp_path)
    Path("deploy.prototxt").write_text(ENCODER)
    open_net("deploy.prototxt").save("w.caffemodel")
    random = np.random.default_rng(3)
    for number in range(6):
        path = Path(f"photos/{number % 2}/{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), random.integers(0, 256, (11, 10, 3), dtype=np.uint8))
    return tmp_path


@pytest.fixture
def ssdh(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Ssdh:
    """The command line, run in this process."""
    return Ssdh(monkeypatch, capfdbinary)
