"""docs/networks.md is up to date: a few of its rows are tried here, all by `make networks`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ssdh_surgery import zoo
from support.paths import ROOT

TOOL = ROOT / "tools" / "networks"
PAGE = (ROOT / "docs" / "networks.md").read_text()
# One of every family, small enough to take seconds.
NETS = (
    *("zoo:lenet", "zoo:cifar10-quick/deploy", "zoo:squeezenet-1.1", "zoo:resnet-18/deploy"),
    "corpus/bvlc/examples/siamese/mnist_siamese_train_test.prototxt",
    "corpus/bvlc/examples/cifar10/cifar10_full_sigmoid_train_test_bn.prototxt",
    "corpus/bvlc/examples/net_surgery/conv.prototxt",
    "corpus/bvlc/examples/pycaffe/linreg.prototxt",
    "corpus/bvlc-2013-11/data/lenet_test.prototxt",
    "corpus/bvlc-2014-12/examples/mnist/lenet_train_test.prototxt",
    "corpus/bvlc-2014-04/examples/cifar10/cifar10_full.prototxt",
)


def cells_of_page(name: str) -> list[str]:
    """The cells of a net on the page, with reasons in place of their numbers."""
    (row,) = re.findall(rf"^\| {re.escape(name)} \| (.*) \|$", PAGE, re.MULTILINE)
    reasons = dict(re.findall(r"^(\d+)\. (.*)$", PAGE, re.MULTILINE))
    return [reasons[cell[4:-1]] if cell.startswith("no (") else cell for cell in row.split(" | ")]


@pytest.mark.caffe
@pytest.mark.corpus
def test_rows_are_what_comes_out() -> None:
    ran = subprocess.run(
        [sys.executable, TOOL / "page.py", *NETS],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    rows = dict(line.split("\t", 1) for line in ran.stdout.splitlines())
    assert {name: cells.split("\t") for name, cells in rows.items()} == {
        name: cells_of_page(name) for name in NETS
    }, "run `make networks` and look at what changed"


@pytest.mark.corpus
def test_every_net_has_a_row(corpus: Path) -> None:
    names = re.findall(r"^\| (\S+(?:/\S+)*) \| (?:yes|no)", PAGE, re.MULTILINE)
    assert len(names) == len(set(names))
    assert {name for name in names if name.startswith("zoo:")} == {
        f"zoo:{name}{kind}" for name in zoo.names() for kind in ("", "/deploy")
    }
    files = {name for name in names if name.startswith("corpus/")}
    assert all((corpus.parent / name).is_file() for name in files)
