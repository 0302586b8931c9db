"""docs/onnx.md: its program makes the codes of `ssdh encode`, without this package."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net
from support.command_line import Ssdh
from support.paths import DOCS

PAGE = DOCS / "onnx.md"
DEPLOY = """\
layer {{ name: "data" type: "Input" top: "data"
  input_param {{ shape {{ dim: 1 dim: {} dim: 9 dim: 9 }} }} }}
layer {{ name: "latent" type: "InnerProduct" bottom: "data" top: "latent"
  inner_product_param {{ num_output: 20 weight_filler {{ type: "gaussian" std: 0.01 }} }} }}
layer {{ name: "code" type: "Sigmoid" bottom: "latent" top: "code" }}
"""
GIVEN = ("--deploy", "d.prototxt", "--weights", "w.caffemodel")


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        pytest.param(
            3,
            ("--resize", "14x12", "--crop", "9", "--mean-value", "104,117,123", "--scale", "0.5"),
            id="crop, mean and scale",
        ),
        pytest.param(3, ("--resize", "9x9", "--channels", "RGB"), id="RGB"),
        pytest.param(1, ("--resize", "10x9", "--crop", "9", "--mean-value", "99"), id="gray"),
    ],
)
def test_the_program_makes_the_codes_of_encode(
    ssdh: Ssdh,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    channels: int,
    words: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.prototxt").write_text(DEPLOY.format(channels))
    open_net("d.prototxt").save("w.caffemodel")
    random = np.random.default_rng(3)
    for name in ("a.png", "b.png"):
        cv2.imwrite(name, random.integers(0, 256, (31, 23, 3), dtype=np.uint8))
    ssdh("encode", "a.png", "b.png", "-o", "codes.npz", *GIVEN, *words)
    ssdh("export", "d.prototxt", *GIVEN[2:], "-o", "net.onnx", *words)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert "ssdh" not in program
    done = subprocess.run(
        [sys.executable, "-c", program, "a.png", "b.png"], capture_output=True, text=True
    )
    codes = np.load("codes.npz")["codes"]
    names = ("a.png", "b.png")
    expected = [f"{name} {code.tobytes().hex()}" for name, code in zip(names, codes, strict=True)]
    assert done.stdout.splitlines() == expected, done.stderr
