"""docs/python.md: its blocks run, one after the other, on a small net and real pictures."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import cv2
import pytest

from ssdh_surgery.cli import run
from support.images import tiles, write_lmdb
from support.paths import DOCS, ROOT

PAGE = (DOCS / "python.md").read_text()
_BLOCK = re.compile(r"```(python|console)\n(.*?)```", re.DOTALL)
_DATA = """\
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: %s }
  transform_param { crop_size: 32 mean_value: 104 mean_value: 117 mean_value: 123 }
  data_param { source: "lmdb" batch_size: 4 backend: LMDB } }
"""
TRAIN = f"""\
name: "small"
{_DATA % "TRAIN"}{_DATA % "TEST"}\
layer {{ name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param {{ pool: AVE kernel_size: 8 stride: 8 }} }}
layer {{ name: "features" type: "InnerProduct" bottom: "pool" top: "features"
  inner_product_param {{ num_output: 20 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "relu" type: "ReLU" bottom: "features" top: "features" }}
layer {{ name: "classes" type: "InnerProduct" bottom: "features" top: "classes"
  inner_product_param {{ num_output: 2 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "classes" bottom: "label" top: "loss" }}
"""
SOLVER = """\
net: "train_val.prototxt"
test_iter: 1
test_interval: 20
base_lr: 0.0001
lr_policy: "fixed"
max_iter: 100
snapshot_prefix: "small"
solver_mode: CPU
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("train_val.prototxt").write_text(TRAIN)
    Path("solver.prototxt").write_text(SOLVER)
    write_lmdb(Path("lmdb"), 40, 12)
    for number, (pixels, label) in enumerate(tiles(40, 12)):
        path = Path(f"photos/{label}/{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), pixels.transpose(1, 2, 0))
    return tmp_path


def test_all_blocks_run(folder: Path) -> None:
    names: dict[str, Any] = {}
    for language, block in _BLOCK.findall(PAGE):
        if language == "python":
            exec(compile(block, "docs/python.md", "exec"), names)
        else:
            command = shlex.split(block.removeprefix("$ "))
            assert run(command[1:]) == 0
    assert "error" not in names  # Python removes the name after the except clause
    assert names["activations"].shape == (5, 16)


def test_the_table_names_every_function() -> None:
    import ssdh_surgery

    functions = {
        name
        for name in ssdh_surgery.__all__
        if name[0].islower() and callable(getattr(ssdh_surgery, name))
    }
    assert set(re.findall(r"^\| `(\w+)\(", PAGE, re.M)) == functions


def test_the_example_is_named_and_there() -> None:
    (name,) = re.findall(r"\((\.\./examples/[\w/.]+)\)", PAGE)
    assert (ROOT / "docs" / name).is_file()
