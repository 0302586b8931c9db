"""`ssdh show`: the table that people read, the JSON that programs read, and what goes beside."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from ssdh_surgery import zoo
from ssdh_surgery.cli import run
from support.command_line import Ssdh
from support.images import write_lmdb

NET = """\
name: "small"
layer { name: "data" type: "Data" top: "data" top: "label" data_param { batch_size: 4 } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 2 kernel_size: 3 } }
layer { name: "bn" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip"
  inner_product_param { num_output: 10 } }
layer { name: "acc" type: "Accuracy" bottom: "ip" bottom: "label" top: "acc"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("small.prototxt").write_text(NET)
    return "small.prototxt"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert run(["show", *words, "--json"]) == 0
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def test_data_at_hand_gives_the_shapes(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = 'data_param { source: "lmdb"'
    Path(small).write_text(NET.replace("data_param {", source))
    Path("nets").mkdir()
    Path(small).rename("nets/small.prototxt")
    write_lmdb(Path("lmdb"), 5, 2)
    for words in ((), ("--phase", "TEST")):
        assert told(capsys, "nets/small.prototxt", *words)["blobs"]["data"] == [4, 3, 5, 5]
    given = told(capsys, "nets/small.prototxt", "--input-shape", "data=1,3,9,9")
    assert given["blobs"]["data"] == [1, 3, 9, 9]


def test_the_table(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", small, "--phase", "TEST", "--input-shape", "data=4,1,5,5"]) == 0
    shown = capsys.readouterr()
    assert (
        shown.out
        == """\
small: 6 layers in TEST (current dialect)
line  layer  type             shape       params  MACs  share  bottoms -> tops
   2  data   Data             4x1x5x5, 4                       -> data, label
   3  conv   Convolution      4x2x3x3         20   648  47.4%  data -> conv
   5  bn     BatchNorm        4x2x3x3          5               conv -> conv
   6  ip     InnerProduct     4x10           190   720  52.6%  conv -> ip  <- main head
   8  acc    Accuracy         scalar                           ip, label -> acc
  10  loss   SoftmaxWithLoss  scalar                           ip, label -> loss
total: 215 params (210 learned, 5 BatchNorm statistics), 1.368 k MACs for a batch of 4 \
(342 each), 872 B of blobs
main head: 'conv' -> ip (10 classes) -> loss, acc
"""
    )
    assert shown.err == ""


def test_what_is_not_known_without_data(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", small, "--phase", "TRAIN"]) == 0
    shown = capsys.readouterr()
    assert (
        shown.out
        == """\
small: 5 layers in TRAIN (current dialect)
line  layer  type             shape  params  MACs  share  bottoms -> tops
   2  data   Data             ?, 4                        -> data, label
   3  conv   Convolution      ?           ?     ?         data -> conv
   5  bn     BatchNorm        ?           ?     ?         conv -> conv
   6  ip     InnerProduct     ?           ?     ?         conv -> ip  <- main head
  10  loss   SoftmaxWithLoss  ?                           ip, label -> loss
total: unknown without all shapes
main head: 'conv' -> ip (10 classes) -> loss, acc
"""
    )
    assert shown.err == (
        "note: the shape of 'data' is not known without its data (layer 'data') "
        "(--input-shape data=N,C,H,W)\n"
    )


def test_json(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = told(capsys, small, "--phase", "TRAIN", "--input-shape", "data=4,1,5,5")
    assert answer == {
        "name": "small",
        "phase": "TRAIN",
        "dialect": "current",
        "layers": [
            {
                "name": "data",
                "type": "Data",
                "bottoms": [],
                "tops": ["data", "label"],
                "param_shapes": [],
                "param_count": 0,
                "macs": 0,
                "memory": 416,
                "line": 2,
            },
            {
                "name": "conv",
                "type": "Convolution",
                "bottoms": ["data"],
                "tops": ["conv"],
                "param_shapes": [[2, 1, 3, 3], [2]],
                "param_count": 20,
                "macs": 648,
                "memory": 288,
                "line": 3,
            },
            {
                "name": "bn",
                "type": "BatchNorm",
                "bottoms": ["conv"],
                "tops": ["conv"],
                "param_shapes": [[2], [2], [1]],
                "param_count": 5,
                "macs": 0,
                "memory": 0,
                "line": 5,
            },
            {
                "name": "ip",
                "type": "InnerProduct",
                "bottoms": ["conv"],
                "tops": ["ip"],
                "param_shapes": [[10, 18], [10]],
                "param_count": 190,
                "macs": 720,
                "memory": 160,
                "line": 6,
            },
            {
                "name": "loss",
                "type": "SoftmaxWithLoss",
                "bottoms": ["ip", "label"],
                "tops": ["loss"],
                "param_shapes": [],
                "param_count": 0,
                "macs": 0,
                "memory": 4,
                "line": 10,
            },
        ],
        "blobs": {
            "data": [4, 1, 5, 5],
            "label": [4],
            "conv": [4, 2, 3, 3],
            "ip": [4, 10],
            "loss": [],
        },
        "heads": [
            {
                "classifier": "ip",
                "features": "conv",
                "losses": ["loss"],
                "accuracies": ["acc"],
                "classes": 10,
                "main": True,
            }
        ],
        "totals": {"params": 215, "learned": 210, "macs": 1368, "memory": 868},
    }


def test_json_has_null_for_what_is_not_known(
    small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = told(capsys, small)
    assert answer["phase"] == "TEST"
    assert answer["blobs"] == {
        "data": None, "label": [4], "conv": None, "ip": None, "acc": None, "loss": None,
    }  # fmt: skip
    conv = answer["layers"][1]
    assert [conv[key] for key in ("param_shapes", "param_count", "macs", "memory")] == [None] * 4
    assert answer["totals"] == {"params": None, "learned": None, "macs": None, "memory": None}


@pytest.mark.parametrize("name", ["googlenet", "resnet-50", "vgg-16"])
def test_networks_of_the_zoo(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    deploy = told(capsys, f"zoo:{name}/deploy")
    assert deploy["totals"]["learned"] == zoo.find(name).parameters
    assert None not in deploy["blobs"].values()
    train = told(capsys, f"zoo:{name}")
    assert train["phase"] == "TRAIN"
    assert train["blobs"]["data"][1:] == list(zoo.find(name).shape)


def test_what_was_taken_for_granted_is_told_on_demand(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["show", "zoo:alexnet", "--phase", "TEST"]
    assert run(words) == 0
    assert capsys.readouterr().err == ""
    assert run(["-v", *words]) == 0
    assert capsys.readouterr().err.endswith("layer 'data': assuming 3 channels\n")


def test_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(NET.encode())))
    assert told(capsys, "-", "--input-shape", "data=1,1,5,5")["blobs"]["ip"] == [1, 10]


def test_a_net_that_caffe_refuses_is_shown_as_far_as_it_goes(
    small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(small).write_text(NET.replace("kernel_size: 3", "kernel_size: 30"))
    assert run(["show", small, "--input-shape", "data=4,1,5,5", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["blobs"]["conv"] is None
    assert (
        shown.err
        == """\
warning: Caffe would refuse this net
small.prototxt:4:50: error SSDH214 layer-setup: layer 'conv' (Convolution): \
Check failed: shape[i] >= 0 (-24 vs. 0)
  4 |   convolution_param { num_output: 2 kernel_size: 30 } }
    |                                                  ^^
hint: the kernel (30 x 30) is larger than its padded input (5 x 5)
"""
    )


def test_a_blob_that_is_no_input(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", small, "--input-shape", "dat=4,1,5,5"]) == 3
    assert capsys.readouterr().err == (
        "error: small.prototxt: 'dat' is neither an input nor a top of a data layer in phase TEST\n"
        "hint: did you mean 'data'?\n"
    )


@pytest.mark.parametrize("value", ["data", "data=", "=4,1", "data=4,0", "data=4,-1", "data=a"])
def test_a_shape_that_is_none(small: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", small, "--input-shape", value]) == 2
    assert capsys.readouterr().err == (
        f"error: Invalid value for '--input-shape': '{value}' is not NAME=N,C,H,W with sizes "
        "above 0\nhint: ssdh show --help\n"
    )


def test_options_of_nets_are_refused_for_a_solver(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    solver = tmp_path / "solver.prototxt"
    solver.write_text('net: "small.prototxt"\nbase_lr: 0.1\n')
    assert run(["show", str(solver), "--phase", "TEST"]) == 2
    assert f"--phase is for nets, and {solver} is none" in capsys.readouterr().err


@pytest.mark.dot
def test_pictures_are_written_instead_of_the_table(
    small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["show", small, "--phase", "TEST", "--svg", "small.svg", "--dot", "small.dot"]
    assert run(words) == 0
    assert capsys.readouterr().out == "wrote small.svg\nwrote small.dot\n"
    assert Path("small.svg").read_text().startswith("<?xml version=")
    assert "small, TEST, 6 layers" in Path("small.svg").read_text()
    assert Path("small.dot").read_text().startswith("digraph net {")
    assert run(words) == 0
    assert capsys.readouterr().out == "small.svg is up to date\nsmall.dot is up to date\n"


@pytest.mark.dot
def test_a_picture_beside_json(small: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = told(capsys, small, "--svg", "small.svg")
    assert answer["name"] == "small"
    assert Path("small.svg").exists()


def test_a_picture_that_exists_is_replaced_with_force_alone(
    small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("small.dot").write_text("mine")
    assert run(["show", small, "--dot", "small.dot"]) == 3
    assert capsys.readouterr().err == (
        "small.dot: the file exists and holds something else; nothing was written\n"
        "hint: --force replaces it\n"
    )
    assert Path("small.dot").read_text() == "mine"
    assert run(["show", small, "--dot", "small.dot", "--force"]) == 0
    assert Path("small.dot").read_text().startswith("digraph net {")


@pytest.mark.dot
def test_of_two_pictures_both_are_written_or_none(
    small: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("small.dot").write_text("mine")
    assert run(["show", small, "--svg", "small.svg", "--dot", "small.dot"]) == 3
    assert not Path("small.svg").exists()
    assert run(["show", small, "--svg", "small.svg", "--dot", "nowhere/small.dot"]) == 3
    assert not Path("small.svg").exists()
    assert capsys.readouterr().err.endswith("nowhere/small.dot: cannot write: no such folder\n")


def test_dot_needs_no_program(
    small: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path.cwd()))
    assert run(["show", small, "--dot", "small.dot"]) == 0
    assert run(["show", small, "--svg", "small.svg"]) == 3
    assert not Path("small.svg").exists()
    assert capsys.readouterr().err.endswith(
        "error: drawing an SVG needs Graphviz's program 'dot', which is not on the PATH\n"
        "hint: apt-get install graphviz, brew install graphviz, or "
        "https://graphviz.org/download; --dot needs no program\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--svg", "-"], "Invalid value for '--svg': a drawing cannot go to standard output"),
        (
            ["--svg", "a.png"],
            "Invalid value for '--svg': a drawing is written to a file that ends in .svg",
        ),
        (
            ["--dot", "a"],
            "Invalid value for '--dot': a drawing for Graphviz is written to a file that ends in "
            ".dot or .gv",
        ),
    ],
)
def test_places_that_no_picture_can_go_to(
    small: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["show", small, *words]) == 2
    assert capsys.readouterr().err == f"error: {message}\nhint: ssdh show --help\n"


def test_the_hash_layer_of_a_deploy_net_is_no_classifier(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["zoo", "write", "lenet"]) == 0
    assert run(["patch", "deploy.prototxt", "--bits", "16"]) == 0
    capsys.readouterr()
    assert run(["show", "deploy_ssdh.prototxt"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[-3].endswith("ip1 -> latent_SSDH  <- latent layer")
    assert rows[-2].endswith("latent_SSDH -> latent_SSDH_encode  <- code")
    assert rows[-1].startswith("total: ")
    assert told(capsys, "deploy_ssdh.prototxt")["heads"] == []


def test_a_stage_and_a_level_choose_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("n.prototxt").write_text(
        'input: "data" input_shape { dim: 1 dim: 8 }\n'
        'layer { name: "a" type: "ReLU" bottom: "data" top: "a" include { stage: "deep" } }\n'
        'layer { name: "b" type: "ReLU" bottom: "a" top: "b" include { min_level: 2 } }\n'
    )
    for words, layers in (
        ([], []),
        (["--stage", "deep"], ["a"]),
        (["--stage", "deep", "--level", "2"], ["a", "b"]),
    ):
        assert [each["name"] for each in told(capsys, "n.prototxt", *words)["layers"]] == layers
    assert run(["show", "n.prototxt", "--level", "2"]) == 0
    assert (
        "hint: layer 'a' of line 2 writes it, but is not in TEST with level 2: see its "
        "include and exclude rules"
    ) in capsys.readouterr().err


def test_names_stay_on_their_line(ssdh: Ssdh) -> None:
    escape = r'"a\n\033[31m"'
    Path("n.prototxt").write_text(
        f'name: {escape} layer {{ name: {escape} type: "Input" top: {escape} '
        "input_param { shape { dim: 2 } } }"
    )
    title, _, row, _ = ssdh("show", "n.prototxt").out.splitlines()
    assert title == r"a\n\x1b[31m: 1 layer in TEST (current dialect)"
    assert row.split() == ["1", r"a\n\x1b[31m", "Input", "2", "->", r"a\n\x1b[31m"]


def test_a_thousand_unknown_bottoms_are_not_all_listed(ssdh: Ssdh) -> None:
    relu = 'layer {{ name: "r{0}" type: "ReLU" bottom: "r{0}x" top: "r{0}" }}\n'
    Path("n.prototxt").write_text("".join(map(relu.format, range(1000))))
    err = ssdh("show", "n.prototxt").err
    assert err.count("unknown bottom blob 'r") == 20
    assert err.endswith("warning: 980 more findings are not listed\n")
