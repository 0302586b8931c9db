"""docs/workspace.md: every key that the commands record is explained there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np

from ssdh_surgery.data.mean_file import write_mean_file
from support.command_line import Ssdh
from support.paths import ROOT

PAGE = (ROOT / "docs/workspace.md").read_text()
_HASHES = ("sources", "written")


def test_the_example_is_what_the_command_writes(ssdh: Ssdh) -> None:
    ssdh("zoo", "write", "lenet")
    ssdh("patch", "train_val.prototxt", "--bits", "48", "--lr-divide", "1")
    written = tomllib.loads(Path("ssdh.toml").read_text())
    for table in _HASHES:
        del written["nets"]["train_val"][table]
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert tomllib.loads(example) == written


def test_every_recorded_key_is_explained(ssdh: Ssdh) -> None:
    ssdh("zoo", "write", "googlenet")
    write_mean_file("mean.binaryproto", np.full((3, 4, 4), 100.0))
    ssdh("patch", "train_val.prototxt", "--mean-file", "mean.binaryproto")
    ssdh("deploy")
    table = tomllib.loads(Path("ssdh.toml").read_text())["nets"]["train_val"]
    explained = set(re.findall(r"`([\w.]+)`", PAGE))
    sections = {f"nets.STEM.{key}" for key in ("options", *_HASHES)}
    assert sections <= set(re.findall(r"`\[([\w.]+)\]`", PAGE))
    assert set(table) - {"options", *_HASHES} <= explained
    assert set(table["options"]) <= explained
