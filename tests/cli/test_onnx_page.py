"""docs/onnx.md: its program makes the codes of `ssdh encode`, without this package."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.data.mean import read_mean
from ssdh_surgery.data.mean_file import write_mean_file
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
OTHER_MEANS = {
    "9x9.mean": "9x9.zero",
    "14x12.mean": "14x12.zero",
    "constant.mean": "14x12.zero",
    "gray.mean": "gray.zero",
}
GIVEN = ("--deploy", "d.prototxt", "--weights", "w.caffemodel")


def program() -> str:
    """The program of the page."""
    (text,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert "ssdh" not in text
    return str(text)


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
        pytest.param(3, ("--resize", "9x9", "--mean-value", "99"), id="one mean of three channels"),
        pytest.param(3, ("--mean-file", "9x9.mean"), id="mean image"),
        pytest.param(
            3,
            ("--resize", "14x12", "--crop", "9", "--mean-file", "14x12.mean", "--scale", "0.25"),
            id="mean image, crop and scale",
        ),
        pytest.param(
            3,
            ("--crop", "9", "--mean-file", "14x12.mean", "--channels", "RGB"),
            id="mean image, whose size images get, and RGB",
        ),
        pytest.param(
            3,
            ("--resize", "14x12", "--crop", "9", "--mean-file", "constant.mean"),
            id="mean image of constant channels",
        ),
        pytest.param(1, ("--crop", "9", "--mean-file", "gray.mean"), id="gray mean image"),
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
    write_means()
    ssdh("encode", "a.png", "b.png", "-o", "codes.npz", *GIVEN, *words)
    ssdh("export", "d.prototxt", *GIVEN[2:], "-o", "net.onnx", *words)
    done = subprocess.run(
        [sys.executable, "-c", program(), "a.png", "b.png"], capture_output=True, text=True
    )
    codes = np.load("codes.npz")["codes"]
    names = ("a.png", "b.png")
    expected = [f"{name} {code.tobytes().hex()}" for name, code in zip(names, codes, strict=True)]
    assert done.stdout.splitlines() == expected, done.stderr
    if "--mean-file" in words:
        # The mean makes a difference: with another one, codes are others.
        other = [OTHER_MEANS.get(word, word) for word in words]
        ssdh("encode", *names, "-o", "other.npz", *GIVEN, *other)
        assert (np.load("other.npz")["codes"] != codes).any()


def write_means() -> None:
    """Mean images with large differences between pixels, and one without."""
    random = np.random.default_rng(5)
    for name, shape in (("9x9", (3, 9, 9)), ("14x12", (3, 12, 14)), ("gray", (1, 11, 12))):
        write_mean_file(f"{name}.mean", random.uniform(0, 255, shape).astype(np.float32))
        write_mean_file(f"{name}.zero", np.zeros(shape, np.float32))
    channels = np.array([104.3, 116.7, 122.6], np.float32)[:, None, None]
    write_mean_file("constant.mean", np.broadcast_to(channels, (3, 12, 14)))


def test_where_the_mean_is(ssdh: Ssdh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.prototxt").write_text(DEPLOY.format(3))
    open_net("d.prototxt").save("w.caffemodel")
    write_means()

    def recipe(*words: str) -> tuple[dict[str, Any], dict[str, str]]:
        ssdh("export", "d.prototxt", *GIVEN[2:], "-o", "net.onnx", "--force", *words)
        metadata = {each.key: each.value for each in onnx.load("net.onnx").metadata_props}
        return json.loads(metadata.pop("recipe")), metadata

    about, others = recipe("--crop", "9", "--mean-file", "constant.mean")
    assert others == {}
    assert about["mean_image"] is None
    assert np.float32(about["transform"]["mean_value"]).tolist() == (
        read_mean("constant.mean")[:, 0, 0].tolist()
    )
    about, others = recipe("--crop", "9", "--mean-file", "14x12.mean")
    assert about["mean_image"] == {"entry": "mean", "shape": [3, 12, 14]}
    values = np.frombuffer(base64.b64decode(others["mean"]), "<f4")
    assert values.tobytes() == read_mean("14x12.mean").tobytes()
    err = ssdh(
        *("export", "d.prototxt", *GIVEN[2:], "-o", "x.onnx", "--resize", "20x20", "--crop", "9"),
        *("--mean-file", "14x12.mean"),
        code=3,
    ).err
    assert err.startswith("14x12.mean: the mean is 3 x 12 x 14")
    assert not Path("x.onnx").exists()


def test_the_program_stops_where_the_size_of_images_is_unknown(
    ssdh: Ssdh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d.prototxt").write_text(DEPLOY.format(3))
    open_net("d.prototxt").save("w.caffemodel")
    words = ("export", "d.prototxt", *GIVEN[2:], "-o", "net.onnx", "--force")
    assert ssdh(*words, "--crop", "9").err.startswith(
        "warning: the size that images are resized to before the crop of 9 is unknown"
    )
    cv2.imwrite("a.png", np.zeros((31, 23, 3), np.uint8))
    stops = "net.onnx: the preparation of images is not recorded"
    done = subprocess.run(
        [sys.executable, "-c", program(), "a.png"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith(stops)
    ssdh(*words)
    done = subprocess.run(
        [sys.executable, "-c", program(), "a.png"], capture_output=True, text=True
    )
    assert done.stderr.startswith(stops)
