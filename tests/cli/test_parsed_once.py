"""A command parses each net that it reads once, whichever engine runs it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.cli import run
from ssdh_surgery.pipeline.files import sources
from ssdh_surgery.prototxt import parser
from support import lenet
from support.images import tiles

DEPLOY = """\
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 12 dim: 12 } } }
layer { name: "features" type: "InnerProduct" bottom: "data" top: "features"
  inner_product_param { num_output: 6 weight_filler { type: "gaussian" std: 0.002 } } }
layer { name: "latent" type: "InnerProduct" bottom: "features" top: "latent"
  inner_product_param { num_output: 20 weight_filler { type: "gaussian" std: 0.02 } } }
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }
"""
NET = ["--deploy", "deploy.prototxt", "--weights", "a.caffemodel", "--resize", "12x12"]
ENCODE = ["encode", "photos", "-o", "codes.npz", "--force", *NET]
WITHOUT_CAFFE = [
    ENCODE,
    [*ENCODE, "--engine", "onnx"],
    [*ENCODE, "--engine", "torch"],
    ["export", "deploy.prototxt", "--weights", "a.caffemodel", "-o", "x.onnx"],
    ["search", "x.index", "--image", "photos/03.png", *NET],
    ["search", "x.index", "--image", "photos/03.png", "--rerank", "features", *NET],
    ["show", "deploy.prototxt"],
]
WITH_CAFFE = [[*ENCODE, "--engine", "pycaffe"], [*ENCODE, "--engine", "binary"]]


def forget_files() -> None:
    """Clear what earlier runs in this process have cached, which would hide what a run parses."""
    for value in vars(sources).values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file was parsed, by its name; texts that we make ourselves are left out."""
    counts: Counter[str] = Counter()
    whole = parser._Parser.document

    def counting(self: parser._Parser) -> object:
        file = Path(self.source.file)
        if file.is_file() and self.source.text == file.read_text():
            counts[str(file)] += 1
        return whole(self)

    monkeypatch.setattr(parser._Parser, "document", counting)
    forget_files()
    return counts


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deploy.prototxt").write_text(DEPLOY)
    open_net("deploy.prototxt").save("a.caffemodel")
    Path("photos").mkdir()
    for number, (pixels, _) in enumerate(tiles(24, 12)):
        cv2.imwrite(f"photos/{number:02d}.png", pixels.transpose(1, 2, 0))
    assert run(["-q", *ENCODE, "-o", "codes.npz"]) == 0
    of_features = ["encode", "photos", "-o", "features.npz", "--blob", "features"]
    assert run(["-q", *of_features, *NET]) == 0
    built = ["index", "build", "codes.npz", "-o", "x.index", "--features", "features.npz"]
    assert run(["-q", *built]) == 0


@pytest.mark.parametrize("words", WITHOUT_CAFFE, ids=" ".join)
def test_a_deploy_net_is_parsed_once(words: list[str], parsed: Counter[str]) -> None:
    assert run(words) == 0
    assert parsed == {"deploy.prototxt": 1}


@pytest.mark.caffe
@pytest.mark.parametrize("words", WITH_CAFFE, ids=" ".join)
def test_a_deploy_net_is_parsed_once_for_caffe(words: list[str], parsed: Counter[str]) -> None:
    assert run(words) == 0
    assert parsed == {"deploy.prototxt": 1}


def test_the_nets_of_a_workspace_are_parsed_once(parsed: Counter[str]) -> None:
    lenet.write(Path())
    assert run(["-q", "patch", "train_val.prototxt", "--solver", "none"]) == 0
    assert run(["-q", "deploy"]) == 0
    open_net("deploy_ssdh.prototxt").save("lenet_iter_1.caffemodel")
    parsed.clear()
    forget_files()
    words = ["encode", "photos", "-o", "lenet.npz", "--resize", "28x28"]
    assert run([*words, "--weights", "lenet_iter_1.caffemodel"]) == 0
    assert parsed["deploy_ssdh.prototxt"] == 1
    assert max(parsed.values()) == 1


def test_evaluate_parses_no_net(parsed: Counter[str]) -> None:
    labels = Path("labels.txt")
    labels.write_text("".join(f"photos/{number:02d}.png {number % 3}\n" for number in range(12)))
    assert run(["encode", "labels.txt", "-o", "labelled.npz", *NET]) == 0
    parsed.clear()
    assert run(["evaluate", "--queries", "labelled.npz", "--database", "labelled.npz"]) == 0
    assert not parsed
