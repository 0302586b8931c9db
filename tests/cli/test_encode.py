"""`ssdh encode`, and `ssdh search --image`: what is printed, and pictures that find themselves."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from pictures import tiles

from ssdh_surgery import open_net
from ssdh_surgery.cli import run
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.retrieval.codes import read_codes

DEPLOY = """\
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 12 dim: 12 } } }
layer { name: "latent" type: "InnerProduct" bottom: "data" top: "latent"
  inner_product_param { num_output: 20 weight_filler { type: "gaussian" std: 0.002 } } }
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }
"""
NET = ["--deploy", "deploy.prototxt", "--weights", "a.caffemodel", "--mean-value", "104,117,123"]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deploy.prototxt").write_text(DEPLOY)
    for name in "ab":
        open_net("deploy.prototxt").save(f"{name}.caffemodel")
    Path("photos").mkdir()
    for number, (pixels, _) in enumerate(tiles(24, 12)):
        cv2.imwrite(f"photos/{number:02d}.png", pixels.transpose(1, 2, 0))


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("photos/03.png").write_bytes(b"")
    assert run(["encode", "photos", "-o", "codes.npz", *NET]) == 0
    out = capsys.readouterr()
    assert out.err == (
        "deploy.prototxt with a.caffemodel: 'code', by onnx\n"
        "input: warp pictures to 12x12, subtract 104,117,123, channels BGR\n"
        "warning: '03.png' is left out: cannot be decoded: the file is empty\n"
    )
    lines = out.out.splitlines()
    assert lines[0] == "wrote codes.npz: 11 codes of 20 bits, 1 left out"
    assert lines[2].endswith("of 20 bits dead")
    assert lines[-1].endswith("of activations nearer than 0.1 to 0.5")


def test_a_collapse_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    dead = Path("deploy.prototxt").read_text().replace("std: 0.002", "std: 1e-30")
    Path("deploy.prototxt").write_text(dead)
    open_net("deploy.prototxt").save("a.caffemodel")
    assert run(["encode", "photos", "-o", "codes.npz", *NET]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == (
        "warning: the codes have collapsed: they hardly differ from picture to picture. Check "
        "that the weights are those of this net, and its mean and scale; else train with a "
        "smaller learning rate"
    )


def test_a_picture_finds_itself_by_its_own_model_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", "photos", "-o", "codes.npz", *NET]) == 0
    assert run(["index", "build", "codes.npz", "-o", "x.index"]) == 0
    capsys.readouterr()
    asked = ["search", "x.index", "--image", "photos/07.png", "-k", "2", "--json"]
    assert run([*asked, *NET]) == 0
    [result] = json.loads(capsys.readouterr().out)["results"]
    assert result["query"] == "photos/07.png"
    assert result["hits"][0] == {"id": "07.png", "distance": 0, "label": None}
    assert run([*asked[:-1], *NET, "--weights", "b.caffemodel"]) == 3
    assert capsys.readouterr().err.startswith(
        "photos/07.png: made by another model than the index x.index: weights "
    )
    assert run(["search", "x.index", "--image", "deploy.prototxt", *NET]) == 3
    assert "deploy.prototxt: cannot be decoded" in capsys.readouterr().err


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["encode", "photos", "-o", "x.npz", *NET]
    assert run([*words, "--mean-file", "m.binaryproto"]) == 2
    assert "--mean-value and --mean-file exclude each other" in capsys.readouterr().err
    assert run([*words, "--resize", "12"]) == 2
    assert "'12' is not WIDTHxHEIGHT" in capsys.readouterr().err
    assert run(["encode", "photos", "-o", "x.npz"]) == 2
    assert capsys.readouterr().err == (
        "error: no deploy net\nhint: run ssdh deploy first, or name one: --deploy FILE\n"
    )


def test_an_input_without_mean_and_scale_is_doubted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", "photos", "-o", "codes.npz", *NET[:4]]) == 0
    assert capsys.readouterr().err.splitlines()[2] == (
        "warning: neither a mean nor a scale is known, so the net gets pixels from 0 to 255; say "
        "what it was trained with: --mean-file, --mean-value, --scale"
    )


def test_names_of_any_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    names = [b"a\nb.png", b"caf\xe9.png", b'it\'s "so".png', "\u732b.png".encode()]
    for name in names:
        shutil.copy("photos/03.png", os.path.join(b"photos", name))
    Path("photos/caf\udce8.png").write_bytes(b"")
    assert run(["encode", "photos", "-o", "codes.npz", *NET]) == 0
    assert "'caf\\xe8.png' is left out" in capsys.readouterr().err
    ids = read_codes("codes.npz").ids.tolist()
    assert {os.fsencode(each) for each in ids} >= set(names)
    assert run(["index", "build", "codes.npz", "-o", "x.index"]) == 0
    assert run(["search", "x.index", "--id", "caf\udce9.png", "-k", "1", "--json"]) == 0
    assert run(["search", "x.index", "--id", "a\nb.png"]) == 0
    assert "      0  a\\nb.png\n      0  caf\\xe9.png\n" in capsys.readouterr().out


def test_a_sheet_of_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    with LmdbWriter("a_lmdb") as writer:
        for number, (pixels, _) in enumerate(tiles(12, 12)):
            writer.put(b"%02d.png" % number, write_raw(pixels, 0))
    for source in ("photos", "a_lmdb"):
        assert run(["encode", source, "-o", f"{source}.npz", *NET]) == 0
        assert run(["index", "build", f"{source}.npz", "-o", f"{source}.index"]) == 0
        words = ["search", f"{source}.index", "--id", "07.png", "--id", "08.png", "-k", "3"]
        assert run([*words, "--sheet", f"{source}.png"]) == 0
        sheet = cv2.imread(f"{source}.png")
        assert sheet.shape == (2 * 96, 3 * 96, 3)
        side = 24 if source == "photos" else 12
        for row, number in enumerate((7, 8)):
            picture = np.ascontiguousarray(tiles(side, 12)[number][0].transpose(1, 2, 0))
            drawn = sheet[96 * row : 96 * row + 92, :92]
            assert np.array_equal(drawn, cv2.resize(picture, (92, 92)))
    capsys.readouterr()
    assert run([*words, "--sheet", "a_lmdb.png"]) == 3
    assert "the file exists" in capsys.readouterr().err
    assert run([*words, "--sheet", "new.png", "--root", "nowhere"]) == 3
    assert capsys.readouterr().err == (
        "nowhere: none of the pictures that were found is there\n"
        "hint: say where their ids are paths from: --root DIR\n"
    )
