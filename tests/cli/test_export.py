"""`ssdh export`: an ONNX file that other programs run, and that says how pictures are prepared."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from ssdh_surgery import open_net
from support.command_line import Ssdh

DEPLOY = """\
name: "small"
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 5 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "latent" type: "InnerProduct" bottom: "conv" top: "latent"
  inner_product_param { num_output: 20 weight_filler { type: "xavier" } } }
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }
"""
WORKSPACE = """\
version = 1
[nets.small]
deploy = "deploy.prototxt"
code = "code"
crop = 8
resize = [16, 14]
mean_value = [104, 117, 123]
channels = "BGR"
"""
WORDS = ("export", "deploy.prototxt", "--weights", "w.caffemodel", "-o", "net.onnx")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("deploy.prototxt").write_text(DEPLOY)
    open_net("deploy.prototxt").save("w.caffemodel")
    return tmp_path


def recipe(path: str = "net.onnx") -> Any:
    (prop,) = onnx.load(path).metadata_props
    assert prop.key == "recipe"
    return json.loads(prop.value)


@pytest.mark.parametrize("batch", [1, 3])
def test_another_program_gets_the_numbers_of_the_embedded_engine(ssdh: Ssdh, batch: int) -> None:
    assert "'data' [N, 3, 8, 8] -> 'code' [N, 20]" in ssdh(*WORDS).out
    values = np.random.default_rng(0).normal(size=(batch, 3, 8, 8)).astype(np.float32)
    (found,) = onnxruntime.InferenceSession("net.onnx").run(["code"], {"data": values})
    net = open_net("deploy.prototxt", "w.caffemodel", engine="torch")
    net.blobs["data"].reshape(*values.shape)
    np.testing.assert_allclose(found, net.forward(data=values)["code"], rtol=1e-4, atol=1e-5)


def test_the_metadata_say_how_codes_are_made(ssdh: Ssdh) -> None:
    Path("ssdh.toml").write_text(WORKSPACE)
    said = ssdh(*WORDS, "--scale", "0.5").err
    assert said.startswith("deploy.prototxt with w.caffemodel\n")
    assert "input: resize images to 16x14, crop 8 from the centre, subtract 104,117,123" in said
    told = recipe()
    assert told["model"] == {
        "net": hashlib.sha256(DEPLOY.encode()).hexdigest(),
        "weights": hashlib.sha256(Path("w.caffemodel").read_bytes()).hexdigest(),
        "blob": "code",
        "layer": "code",
        "bits": 20,
        "threshold": 0.5,
    }
    assert told["transform"] == {
        "crop": 8,
        "scale": 0.5,
        "mean_value": [104, 117, 123],
        "mean_file": None,
        "channels": "BGR",
        "resize": [16, 14],
        "crops": 1,
    }


def test_the_workspace_is_not_asked_about_another_net(ssdh: Ssdh) -> None:
    Path("ssdh.toml").write_text(WORKSPACE)
    Path("other.prototxt").write_text(DEPLOY)
    said = ssdh("export", "other.prototxt", *WORDS[2:]).err
    assert "the preparation of images is unknown" in said
    assert recipe()["transform"] is None


def test_without_a_name_the_net_and_the_newest_weights_of_the_workspace(ssdh: Ssdh) -> None:
    Path("ssdh.toml").write_text(WORKSPACE + 'snapshot_prefix = "snap/small"\n')
    Path("snap").mkdir()
    for number in (5, 10):
        Path(f"snap/small_iter_{number}.caffemodel").write_bytes(Path("w.caffemodel").read_bytes())
    told = ssdh("export", "-o", "net.onnx", "--json").json
    assert told["inputs"] == {"data": ["N", 3, 8, 8]}
    assert told["outputs"] == {"code": ["N", 20]}
    assert told["bytes"] == Path("net.onnx").stat().st_size


def test_it_ends_with_the_blob_that_was_asked_for(ssdh: Ssdh) -> None:
    ssdh(*WORDS, "--blob", "conv")
    assert [each.name for each in onnx.load("net.onnx").graph.output] == ["conv"]
    assert recipe()["model"]["bits"] is None
    assert recipe()["model"]["layer"] == "relu"


def test_a_net_of_several_inputs_is_written_without_a_transform(ssdh: Ssdh) -> None:
    text = (
        'layer { name: "a" type: "Input" top: "a" input_param { shape { dim: 2 dim: 4 } } }\n'
        'layer { name: "b" type: "Input" top: "b" input_param { shape { dim: 2 dim: 4 } } }\n'
        'layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "sum" }\n'
    )
    words = ("export", "-", "--weights", "w.caffemodel", "-o", "sum.onnx")
    ssdh(*words, stdin=text.encode())
    values = np.ones((5, 4), np.float32)
    session = onnxruntime.InferenceSession("sum.onnx")
    assert (session.run(None, {"a": values, "b": values})[0] == 2).all()
    err = ssdh(*words, "--force", "--crop", "3", stdin=text.encode(), code=2).err
    assert "<stdin> does not have one input of images" in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param((), 3, "the file exists; nothing was written", id="a file that exists"),
        pytest.param(
            ("--force", "--blob", "kode"), 3, "did you mean 'code'?", id="an unknown blob"
        ),
        pytest.param(
            ("--force", "--weights", "none.caffemodel"), 3, "none.caffemodel", id="no weights"
        ),
        pytest.param(
            ("--force", "--mean-value", "1,2,3", "--mean-file", "m"), 2, "exclude", id="two means"
        ),
    ],
)
def test_what_is_wrong_is_told_and_the_file_stays(
    ssdh: Ssdh, words: tuple[str, ...], code: int, said: str
) -> None:
    Path("net.onnx").write_bytes(b"mine")
    assert said in ssdh(*WORDS, *words, code=code).err
    assert Path("net.onnx").read_bytes() == b"mine"


def test_a_layer_that_onnx_cannot_express_is_named_with_its_line(ssdh: Ssdh) -> None:
    Path("deploy.prototxt").write_text(
        DEPLOY + 'layer { name: "mine" type: "Fork" bottom: "code" top: "mine" }\n'
    )
    err = ssdh(*WORDS, code=3).err
    assert err.startswith("deploy.prototxt:10:")
    assert "layer 'mine' has the type 'Fork', which ONNX cannot express" in err
    ssdh(*WORDS, "--blob", "code")


def test_weights_of_another_net_are_refused_as_caffe_does(ssdh: Ssdh) -> None:
    Path("deploy.prototxt").write_text(DEPLOY.replace("num_output: 20", "num_output: 21"))
    assert "latent" in ssdh(*WORDS, code=3).err
    assert not Path("net.onnx").exists()


def test_no_torch_is_needed() -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = None\n"
        "from ssdh_surgery.cli import run\n"
        f"sys.exit(run({list(WORDS)!r}))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    onnx.checker.check_model("net.onnx", full_check=True)
