"""The reading lists of docs/architecture.md: at most 15 files each, all imported by a real run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssdh_surgery import open_net
from ssdh_surgery.cli import COMMANDS
from ssdh_surgery.data.datum import write_raw
from ssdh_surgery.data.lmdb_writer import LmdbWriter
from support.images import tiles
from support.paths import DOCS, ROOT, STAND_IN_CAFFE

PAGE = (DOCS / "architecture.md").read_text()
STORIES = {
    name: re.findall(r"`([\w/]+)\.py`", text)
    for name, text in re.findall(r"^\*\*(\w+)\*\*: (.*?)\n\n", PAGE, re.M | re.S)
}
DEPLOY = """\
layer { name: "data" type: "Input" top: "data"
  input_param { shape { dim: 1 dim: 3 dim: 12 dim: 12 } } }
layer { name: "latent" type: "InnerProduct" bottom: "data" top: "latent"
  inner_product_param { num_output: 20 weight_filler { type: "gaussian" std: 0.002 } } }
layer { name: "code" type: "Sigmoid" bottom: "latent" top: "code" }
"""
ENCODE = "encode photos -o codes.npz --deploy deploy.prototxt --weights a.caffemodel --resize 12x12"
RUNS = {
    "patch": "patch train_val.prototxt",
    "train": f"train --solver solver_ssdh.prototxt --caffe {STAND_IN_CAFFE} --no-check",
    "encode": ENCODE.replace("codes.npz", "again.npz"),
    "search": "search x.index --queries codes.npz",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the commands can run one after the other."""
    path = tmp_path_factory.mktemp("stories")
    (path / "deploy.prototxt").write_text(DEPLOY)
    open_net(path / "deploy.prototxt").save(str(path / "a.caffemodel"))
    (path / "photos").mkdir()
    for number, (pixels, _) in enumerate(tiles(6, 12)):
        cv2.imwrite(str(path / f"photos/{number}.png"), pixels.transpose(1, 2, 0))
    with LmdbWriter(path / "lmdb") as writer:
        writer.put(b"0", write_raw(np.zeros((1, 28, 28), np.uint8), 1))
    for words in ("zoo write lenet", "patch train_val.prototxt", ENCODE):
        imported(path, words)
    imported(path, "index build codes.npz -o x.index")
    return path


def imported(folder: Path, words: str) -> set[str]:
    """The modules of the package that a command imports, as paths without their ending."""
    code = (
        "import sys\n"
        "from ssdh_surgery.cli import run\n"
        f"run({words.split()!r})\n"
        "names = [name for name in sys.modules if name.startswith('ssdh_surgery.')]\n"
        "print(*names, file=sys.stderr, sep='\\n')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    names = re.findall(r"^ssdh_surgery\.([\w.]+)$", ran.stderr, re.M)
    return {name.replace(".", "/").removesuffix("/__init__") for name in names}


@pytest.mark.parametrize("story", RUNS)
def test_a_story_is_read_in_at_most_15_files(story: str, folder: Path) -> None:
    files = STORIES[story]
    assert 0 < len(files) <= 15
    assert {name.removesuffix("/__init__") for name in files} <= imported(folder, RUNS[story])


def test_every_command_has_a_row_in_the_table() -> None:
    rows = re.findall(r"^\| `ssdh .*", PAGE, re.M)
    assert {name for row in rows for name in re.findall(r"`ssdh (\w+)`", row)} == set(COMMANDS)
