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

PAGE = Path(__file__).parents[2] / "docs" / "json.md"


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
    assert {*told, *told["files"][0], "line"} <= section("ssdh patch")
    different = answered("diff", "solver.prototxt", "solver_ssdh.prototxt", cwd=folder)
    assert {*different, *different["changes"][0]} <= section("ssdh diff")
    assert set(change) == {*different["changes"][0], "line"}


def test_zoo_list(folder: Path) -> None:
    told = answered("zoo", "list", cwd=folder)
    assert {*told, *told["networks"][0]} <= section("ssdh zoo list")


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


def test_errors(folder: Path) -> None:
    told = answered("show", "none.prototxt", cwd=folder)
    assert set(told) == {"error"}
    assert set(told["error"]) <= section("Errors")
