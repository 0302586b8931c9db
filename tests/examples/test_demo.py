"""`make demo`: the main job without Caffe; its figures are those of its own run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from support.paths import ROOT

DEMO = ROOT / "examples" / "demo.py"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    ran = subprocess.run(
        [sys.executable, str(DEMO)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return folder, ran.stdout


def test_training_beats_random_projections(demo: tuple[Path, str]) -> None:
    _, out = demo
    figures = {
        name: float(figure) for name, figure in re.findall(r"^  (\w[\w ]+\w) +(0\.\d+) ", out, re.M)
    }
    assert set(figures) == {"random projections", "hash layer"}
    assert figures["hash layer"] > figures["random projections"] + 0.2


def test_the_commands_are_those_of_the_readme(demo: tuple[Path, str]) -> None:
    _, out = demo
    commands = re.findall(r"^\$ (ssdh \w+)", out, re.M)
    assert commands == ["ssdh train", "ssdh patch", "ssdh train", "ssdh deploy"]


def test_ten_queries_are_drawn(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    image = cv2.imread(str(folder / "demo" / "queries.png"))
    rows, columns = 10, 11
    assert image.shape == (rows * 62, columns * 62, 3)
