"""`ssdh encode`, and `ssdh search --image`: what is printed, and pictures that find themselves."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.caffe.messages import schema
from ssdh_surgery.cli import run
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from ssdh_surgery.data.mean_file import write_mean_file
from ssdh_surgery.report.contact_sheet import GAP, LINE, SIDE
from ssdh_surgery.retrieval.codes.code_file import read_codes, read_features
from support.broken_images import BROKEN, good_images
from support.images import tiles

DEPLOY = """\
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 12 dim: 12 } } }
layer { name: "latent" type: "InnerProduct" bottom: "data" top: "latent"
  inner_product_param { num_output: 20 weight_filler { type: "gaussian" std: 0.002 } } }
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }
"""
MODEL = ["--deploy", "deploy.prototxt", "--weights", "a.caffemodel"]
NET = [*MODEL, "--mean-value", "104,117,123", "--resize", "12x12"]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deploy.prototxt").write_text(DEPLOY)
    for name in "ab":
        open_net("deploy.prototxt").save(f"{name}.caffemodel")
    Path("photos").mkdir()
    for number, (pixels, _) in enumerate(tiles(24, 12)):
        cv2.imwrite(f"photos/{number:02d}.png", pixels.transpose(1, 2, 0))


def test_records_are_not_warped_and_it_is_not_said_that_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with LmdbWriter("records") as writer:
        for number, (pixels, label) in enumerate(tiles(12, 3)):
            writer.put(f"{number:08d}".encode(), write_raw(pixels, label))
    assert run(["encode", "records", "-o", "codes.npz", *NET]) == 0
    assert (
        "input: keep the size of records, subtract 104,117,123, channels BGR\n"
        in capsys.readouterr().err
    )


def test_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("photos/03.png").write_bytes(b"")
    assert run(["encode", "photos", "-o", "codes.npz", *NET]) == 0
    out = capsys.readouterr()
    assert out.err == (
        "deploy.prototxt with a.caffemodel: 'code', by onnx\n"
        "input: resize images to 12x12, subtract 104,117,123, channels BGR\n"
        "warning: '03.png' is left out: cannot be decoded: the file is empty\n"
    )
    lines = out.out.splitlines()
    assert lines[0] == "wrote codes.npz: 11 codes of 20 bits, 1 left out"
    assert lines[2].endswith("of 20 bits dead")
    assert lines[-1].endswith("of activations within 0.1 of 0.5")


def test_no_broken_picture_gets_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    good = good_images(np.ascontiguousarray(tiles(96, 1)[0][0].transpose(1, 2, 0)))
    names = [f"photos/{name}.jpg" for name in BROKEN]
    for name, spoil in zip(names, BROKEN.values(), strict=True):
        Path(name).write_bytes(spoil(good))
    pictures = [f"photos/{number:02d}.png" for number in range(12)]
    assert run(["encode", "photos", "-o", "folder.npz", *NET, "--json"]) == 0
    left_out = json.loads(capsys.readouterr().out)["left_out"]
    assert {f"photos/{each['id']}" for each in left_out} == set(names)
    Path("list.txt").write_text("".join(f"{name} 1\n" for name in [*names, *pictures]))
    assert run(["encode", "list.txt", "-o", "list.npz", *NET]) == 0
    assert f"{len(names) - 20} more items are left out; 'left_out' in list.npz lists them all" in (
        capsys.readouterr().err
    )
    assert read_codes("list.npz").ids.tolist() == pictures
    assert np.array_equal(read_codes("list.npz").packed, read_codes("folder.npz").packed)


def test_a_collapse_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    dead = Path("deploy.prototxt").read_text().replace("std: 0.002", "std: 1e-30")
    Path("deploy.prototxt").write_text(dead)
    open_net("deploy.prototxt").save("a.caffemodel")
    assert run(["encode", "photos", "-o", "codes.npz", *NET]) == 0
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "warning SSDH710 collapsed-codes: the codes have collapsed: nearly all images have the "
        "same one",
        "hint: check that weights, mean and scale are those of this net; otherwise train with a "
        "smaller learning rate",
    ]


def test_a_picture_finds_itself_by_its_own_model_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", "photos", "-o", "codes.npz", *NET]) == 0
    assert run(["index", "build", "codes.npz", "-o", "x.index"]) == 0
    capsys.readouterr()
    asked = ["search", "x.index", "--image", "photos/07.png", "-k", "2", "--json"]
    assert run([*asked, *NET]) == 0
    [result] = json.loads(capsys.readouterr().out)["results"]
    assert result["query"] == "photos/07.png"
    assert result["hits"][0] == {
        "id": "07.png",
        "distance": 0,
        "label": None,
        "label_name": None,
    }
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


def found(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """What is doubted about an input, by the findings' codes and names."""
    assert run(["encode", "photos", "-o", "x.npz", "--force", "--json", *words]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    # Whether the codes of a random net collapse is chance.
    names = (f"{each['code']} {each['name']}" for each in findings)
    return [name for name in names if name != "SSDH710 collapsed-codes"]


SIZE = ["--resize", "12x12"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--mean-value", "104,117,123"], ["SSDH704 unknown-resize"]),
        ([*SIZE, "--mean-value", "104,117,123"], []),
        (SIZE, ["SSDH705 no-mean"]),
        ([*SIZE, "--scale", "255"], ["SSDH706 scale", "SSDH709 input-range"]),
        ([*SIZE, "--scale", "0.0000153"], ["SSDH706 scale", "SSDH709 input-range"]),
        ([*SIZE, "--scale", "0.00390625"], []),
        (
            [*SIZE, "--mean-value", "0.4,0.46,0.48", "--scale", "0.00390625"],
            ["SSDH707 mean-of-another-scale"],
        ),
        ([*SIZE, "--mean-value", "123.68,116.779,103.939"], ["SSDH708 channel-order"]),
        ([*SIZE, "--mean-value", "123.68,116.779,103.939", "--channels", "RGB"], []),
        ([*SIZE, "--mean-value", "104,117,123", "--channels", "RGB"], ["SSDH708 channel-order"]),
        ([*SIZE, "--mean-file", "rgb.binaryproto"], ["SSDH708 channel-order"]),
        (["--mean-file", "bgr.binaryproto"], []),  # it has the pictures' size
    ],
)
def test_a_doubtful_input_is_a_finding(
    capsys: pytest.CaptureFixture[str], words: list[str], expected: list[str]
) -> None:
    mean = np.ones((3, 12, 12), np.float32) * np.array([[[104]], [[117]], [[123]]], np.float32)
    write_mean_file("bgr.binaryproto", mean)
    write_mean_file("rgb.binaryproto", mean[::-1])
    assert found(capsys, *MODEL, *words) == expected


def test_records_that_may_be_rgb_already(capsys: pytest.CaptureFixture[str]) -> None:
    with LmdbWriter("records") as writer:
        for number, (pixels, label) in enumerate(tiles(12, 3)):
            writer.put(b"%d" % number, write_raw(pixels, label))
    words = ["encode", "records", "-o", "x.npz", *MODEL, "--mean-value", "120", "--channels", "RGB"]
    assert run(words) == 0
    assert (
        "records: warning SSDH708 channel-order: the records are assumed to be BGR, as "
        "convert_imageset writes them, and are converted to RGB\n"
        "hint: --channels BGR passes records on as they are\n"
    ) in capsys.readouterr().err


def test_a_mean_of_the_wrong_size(capsys: pytest.CaptureFixture[str]) -> None:
    write_mean_file("mean.binaryproto", np.zeros((3, 12, 12), np.float32))
    words = ["--mean-file", "mean.binaryproto", "--resize", "16x16", "--crop", "12"]
    assert run(["encode", "photos", "-o", "x.npz", *MODEL, *words]) == 3
    assert capsys.readouterr().err.endswith(
        "mean.binaryproto: the mean is 3 x 12 x 12 (channels x height x width), the image 3 x 16 "
        "x 16\n"
        "hint: a mean file has the size of the images before the crop; this one has the size of "
        "the crop\n"
    )


def test_float_records_from_0_to_1(capsys: pytest.CaptureFixture[str]) -> None:
    with LmdbWriter("floats") as writer:
        for number, (pixels, _) in enumerate(tiles(12, 3)):
            datum: Any = schema.message_class("Datum")(channels=3, height=12, width=12)
            datum.float_data.extend((pixels / 255).ravel().tolist())
            writer.put(b"%d" % number, datum.SerializeToString())
    words = ["encode", "floats", "-o", "x.npz", "--json", *MODEL, "--mean-value", "104,117,123"]
    assert run(words) == 0
    [finding] = json.loads(capsys.readouterr().out)["findings"]
    assert finding["message"].startswith(
        "the mean is for pixels from 0 to 255, but those of floats"
    )


def test_weights_that_lack_a_layer(capsys: pytest.CaptureFixture[str]) -> None:
    other = DEPLOY.replace('"latent"', '"other"')
    Path("other.prototxt").write_text(other)
    assert found(capsys, *NET, "--deploy", "other.prototxt")[0] == "SSDH701 layers-without-weights"


def test_what_contradicts_the_workspace(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ssdh.toml").write_text(
        'version = 1\n[nets.n]\ncode = "code"\nscale = 0.5\nmean_value = [104, 117, 123]\n'
        "resize = [12, 12]\n"
    )
    assert found(capsys, *NET) == []
    assert found(capsys, *NET, "--scale", "1") == ["SSDH703 unlike-training"]


def test_features_have_no_bits(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("codes.npz", "latent.npz"):
        blob = ["--blob", "latent"] if name == "latent.npz" else []
        assert run(["encode", "photos", "-o", name, *NET, *blob]) == 0
    assert capsys.readouterr().out.endswith("wrote latent.npz: 12 features of 20 values\n")
    features = read_features("latent.npz")
    assert features.activations is not None
    assert (features.bits, features.packed.shape) == (0, (12, 0))
    assert (features.activations < 0).any()
    for words in (
        ["index", "build", "latent.npz", "-o", "x.index"],
        ["evaluate", "--queries", "latent.npz", "--database", "latent.npz"],
    ):
        assert run(words) == 3
        assert capsys.readouterr().err == (
            "latent.npz: holds features, not codes: the activations of 'latent'\n"
            "hint: encode the blob that holds the code\n"
        )
    # A deploy net without a hash layer: nobody asked for features.
    prob = DEPLOY.replace('"Sigmoid"', '"Softmax"')
    Path("prob.prototxt").write_text(prob)
    assert found(capsys, *NET, "--deploy", "prob.prototxt") == ["SSDH702 no-code"]


@pytest.mark.parametrize("form", ["h5", "parquet"])
def test_every_form_is_read_wherever_codes_are(
    capsys: pytest.CaptureFixture[str], form: str
) -> None:
    Path("list.txt").write_text("".join(f"photos/{n:02d}.png {n % 2}\n" for n in range(12)))
    for name in ("codes.npz", f"codes.{form}"):
        assert run(["encode", "list.txt", "-o", name, *NET, "--activations"]) == 0
    one, other = read_codes("codes.npz"), read_codes(f"codes.{form}")
    for part in ("packed", "ids", "labels", "activations", "content", "left_out"):
        assert np.array_equal(getattr(one, part), getattr(other, part)), part
    assert (one.recipe, one.bits) == (other.recipe, other.bits)
    told = []
    for name in ("codes.npz", f"codes.{form}"):
        assert run(["index", "build", name, "-o", f"{name}.index"]) == 0
        capsys.readouterr()
        assert run(["search", f"{name}.index", "--queries", name, "--json"]) == 0
        assert run(["evaluate", "--queries", name, "--database", name]) == 0
        told.append(capsys.readouterr().out.replace(name, "codes"))
    assert told[0] == told[1]


def test_a_name_of_no_known_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", "photos", "-o", "codes.csv", *NET]) == 2
    assert capsys.readouterr().err == (
        "error: codes cannot be written to a '.csv' file\nhint: one of .npz, .h5, .hdf5, .parquet\n"
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
        height, width = SIDE + 2 * LINE + GAP, SIDE + GAP
        assert sheet.shape == (2 * height + GAP, 4 * width + GAP, 3)
        side = 24 if source == "photos" else 12
        for row, number in enumerate((7, 8)):
            picture = np.ascontiguousarray(tiles(side, 12)[number][0].transpose(1, 2, 0))
            for left in (GAP, GAP + width):  # the query, which finds itself first
                top = GAP + row * height
                drawn = sheet[top + 4 : top + SIDE - 4, left + 4 : left + SIDE - 4]
                assert np.array_equal(drawn, cv2.resize(picture, (SIDE - 8, SIDE - 8)))
    capsys.readouterr()
    assert run([*words, "--sheet", "a_lmdb.png"]) == 3
    assert "the file exists" in capsys.readouterr().err
    assert run([*words, "--sheet", "new.png", "--root", "nowhere"]) == 3
    out = capsys.readouterr()
    assert out.out.startswith("07.png\n      0  07.png")  # the answer comes first
    assert out.err == (
        "nowhere: none of the images of the hits exists\n"
        "hint: give the folder that their ids are relative to: --root DIR\n"
    )
