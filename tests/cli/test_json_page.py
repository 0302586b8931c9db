"""docs/json.md names every key that comes out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.retrieval.codes.code_file import write_codes
from support.paths import DOCS, GOLDEN
from support.small_codes import random_codes
from support.training import write_all

PAGE = DOCS / "json.md"


def answered(*words: str, cwd: Path) -> Any:
    ran = subprocess.run(
        [sys.executable, "-m", "ssdh_surgery", *words, "--json"],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(ran.stdout or ran.stderr.splitlines()[-1])


def section(title: str) -> set[str]:
    """The words in code marks of the section whose title begins so."""
    found = re.search(rf"^## [^\n]*{re.escape(title)}.*?(?=^## |\Z)", PAGE.read_text(), re.M | re.S)
    assert found, title
    return set(re.findall(r"[`\"](\w+)[`\"]", found[0]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("json")
    subprocess.run(
        [sys.executable, "-m", "ssdh_surgery", "zoo", "write", "googlenet"], cwd=path, check=True
    )
    return path


def test_show(folder: Path) -> None:
    told = answered("show", "train_val.prototxt", cwd=folder)
    keys = {*told, *told["layers"][0], *told["heads"][0], *told["totals"]}
    assert keys <= section("ssdh show")


def test_patch_and_diff(folder: Path) -> None:
    told = answered("patch", "train_val.prototxt", cwd=folder)
    change = told["files"][0]["changes"][0]
    settings = answered("patch", "--show-settings", cwd=folder)
    assert {*settings} <= section("ssdh patch --show-settings")
    assert {*told, *told["files"][0], "line"} <= section("ssdh patch")
    different = answered("diff", "solver.prototxt", "solver_ssdh.prototxt", cwd=folder)
    assert {*different, *different["changes"][0]} <= section("ssdh diff")
    assert set(change) == {*different["changes"][0], "line"}


def test_weights() -> None:
    train = GOLDEN / "train"
    table = answered("weights", "init.caffemodel", cwd=train)
    assert {*table, *table["blobs"][0], *table["totals"]} <= section("ssdh weights FILE --json")
    compared = answered("weights", "init.caffemodel", "--compare", "init.caffemodel", cwd=train)
    assert {*compared, *compared["blobs"][0]} <= section("ssdh weights FILE --compare OTHER --json")
    copied = answered("weights", "init.caffemodel", "--net", "net_ssdh.prototxt", cwd=train)
    keys = section("ssdh weights FILE --net NET --json")
    assert {*copied, *copied["weights"][0]} <= keys


def test_zoo_list(folder: Path) -> None:
    told = answered("zoo", "list", cwd=folder)
    assert {*told, *told["networks"][0]} <= section("ssdh zoo list")


def test_runs(tmp_path: Path) -> None:
    write_all(tmp_path)
    words = ("train", "solver.prototxt", "--engine", "torch")
    subprocess.run([sys.executable, "-m", "ssdh_surgery", *words], cwd=tmp_path, check=True)
    answer = answered("runs", "show", "solver-1", cwd=tmp_path)
    runs = answered("runs", cwd=tmp_path)
    record = answer["record"]
    keys = {*answer, *answer["run"], *runs, *record, *record["exit"], *record["process"]}
    keys |= {*record["versions"], *record["sources"][0]}
    assert answer["run"] == runs["runs"][0]
    assert keys <= section("ssdh runs")


def test_encode(tmp_path: Path) -> None:
    text = (
        'input: "data" input_shape { dim: 1 dim: 1 dim: 4 dim: 4 }\n'
        'layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"\n'
        '  inner_product_param { num_output: 8 weight_filler { type: "xavier" } } }\n'
        'layer { name: "code" type: "Sigmoid" bottom: "fc" top: "code" }\n'
    )
    (tmp_path / "small.prototxt").write_text(text)
    open_net(tmp_path / "small.prototxt").save(tmp_path / "small.caffemodel")
    cv2.imwrite(str(tmp_path / "a.png"), np.eye(4, dtype=np.uint8) * 255)
    (tmp_path / "b.png").write_bytes(b"")
    net = ["--deploy", "small.prototxt", "--weights", "small.caffemodel"]
    told = answered("encode", "a.png", "b.png", "-o", "codes.npz", *net, cwd=tmp_path)
    assert told["findings"]
    keys = {*told, *told["left_out"][0], *told["health"], *told["findings"][0]}
    assert keys <= section("ssdh encode")
    assert {*told["recipe"], *told["recipe"]["model"], *told["recipe"]["transform"]} <= section(
        "Codes, "
    )
    with np.load(tmp_path / "codes.npz") as archive:
        assert {*archive} <= section("Codes, ")


def test_data(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"photos/{number % 2}").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / f"photos/{number % 2}/{number}.png"), np.eye(4) * number)
    told = answered("data", "build", "photos", "a_lmdb", cwd=tmp_path)
    assert told["records"] == {"a_lmdb": 3}
    assert told["labels_file"] == "labels.txt"
    keys = {*told, *told["shapes"][0], *told["findings"][0]}
    assert keys <= section("ssdh data build")
    assert {*answered("data", "mean", "a_lmdb", cwd=tmp_path)} <= section("ssdh data mean")
    told = answered("data", "show", "a_lmdb", "--verify", cwd=tmp_path)
    assert {*told, *told["shapes"][0]} <= section("ssdh data show")


def test_index(tmp_path: Path) -> None:
    codes = random_codes(9, 12, 3, seed=0)
    write_codes(tmp_path / "c.npz", codes)
    told = answered("index", "build", "c.npz", "-o", "x", "--measure-recall", cwd=tmp_path)
    assert (told["index"], told["codes"], told["added"], told["recall"]) == ("x", 9, 9, 1.0)
    assert {*told} <= section("ssdh index build")
    more = answered("index", "add", "x", "c.npz", "--replace", cwd=tmp_path)
    assert (more["replaced"], {*more}) == (9, {*told})
    less = answered("index", "remove", "x", "3", "5", cwd=tmp_path)
    assert (less["removed"], less["codes"], {*less}) == (2, 7, {*told})
    assert {*answered("index", "info", "x", cwd=tmp_path)} <= section("ssdh index info")


def test_errors(folder: Path) -> None:
    told = answered("show", "none.prototxt", cwd=folder)
    assert set(told) == {"error"}
    assert set(told["error"]) <= section("Errors")
    usage = answered("index", "build", cwd=folder)["error"]
    assert (usage["type"], usage["hint"]) == ("UsageError", "ssdh index build --help")


def test_doctor(folder: Path) -> None:
    told = answered("doctor", cwd=folder)
    keys = {*told, *told["engines"][0], *told["packages"][0], *(told["caffe"] or {})}
    assert keys <= section("ssdh doctor")
