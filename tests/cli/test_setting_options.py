"""A row of the table of options is all that an option takes."""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

import ssdh_surgery.cli.commands.patch
from ssdh_surgery.pipeline.settings.options import OPTIONS, Option
from ssdh_surgery.pipeline.settings.value_types import Number
from support import lenet
from support.command_line import Ssdh

TOY = Option(
    "toy_rate", Number(above=0), "net", "Set the rate of toys", default=Decimal(3), metavar="X"
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Option]:
    """An option that the table gets for a test."""
    with monkeypatch.context() as patched:
        patched.setitem(OPTIONS, TOY.name, TOY)
        importlib.reload(ssdh_surgery.cli.commands.patch)
        yield TOY
    importlib.reload(ssdh_surgery.cli.commands.patch)


def test_a_row_is_all_that_an_option_takes(ssdh: Ssdh, toy: Option) -> None:
    lenet.write(Path.cwd())
    groups = ssdh("patch", "--help").out.split("\n\n")
    (group,) = (text for text in groups if text.startswith("Layers:\n"))
    assert re.search(
        r"^  --toy-rate X +Set the rate of toys \(default: 3\)\.$", group, re.MULTILINE
    )
    ssdh("patch", "train_val.prototxt", "--toy-rate", "2.5")
    path = Path("ssdh.toml")
    assert tomllib.loads(path.read_text())["nets"]["train_val"]["options"] == {"toy_rate": 2.5}
    # It is read from there, and written back.
    path.write_text(path.read_text().replace("2.5", "0.25"))
    ssdh("patch", "train_val.prototxt", "--mark", "--force")
    options = tomllib.loads(path.read_text())["nets"]["train_val"]["options"]
    assert options == {"mark": True, "toy_rate": 0.25}
    path.write_text(path.read_text().replace("0.25", "0"))
    assert ssdh("patch", "train_val.prototxt", code=3).err == (
        "ssdh.toml:30:1: [nets.train_val.options]: 'toy_rate' must be a number above 0\n"
        "  30 | toy_rate = 0\n"
        "     | ^^^^^^^^\n"
    )
    assert ssdh("patch", "train_val.prototxt", "--toy-rate", "0", code=2).err.startswith(
        "error: Invalid value for '--toy-rate': '0' is not a number above 0\n"
    )


def test_without_its_row_there_is_no_such_option(ssdh: Ssdh) -> None:
    assert "--toy-rate" not in ssdh("patch", "--help").out
