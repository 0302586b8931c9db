"""What every command says of a file that no Caffe reads, and of one that only Python reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import zoo
from support.command_line import Ssdh

COMMANDS = [
    "show",
    "patch --dry-run",
    "deploy --dry-run --input-shape data=1,1,28,28",
    "upgrade --dry-run",
    "diff zoo:lenet/deploy",
]
NET = zoo.text("lenet", "train_val")


@pytest.fixture
def net(ssdh: Ssdh) -> Path:
    return Path("net.prototxt")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_type_without_quotes(ssdh: Ssdh, net: Path, command: str) -> None:
    net.write_text(NET.replace('type: "InnerProduct"', "type: InnerProduct", 1))
    line = net.read_text().split("type: InnerProduct")[0].count("\n") + 1
    assert ssdh(*command.split(), net, code=3).err == (
        f"net.prototxt:{line}:9: Caffe cannot read 'type': Expected string, got: InnerProduct\n"
        f"  {line} |   type: InnerProduct\n"
        f"  {' ' * len(str(line))} |         ^^^^^^^^^^^^\n"
        'hint: put quotes around it: type: "InnerProduct"\n'
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  name:", "\u00a0 name:", "Caffe cannot read this file: U+00A0 is not a space"),
        ("  name:", "  blobs_lr: 1\n  name:", "Caffe cannot read this net: 'layer' has no field"),
        ('"InnerProduct"', '"innerproduct"', "did you mean 'InnerProduct'?"),
    ],
)
def test_text_that_only_we_read(
    ssdh: Ssdh, net: Path, command: str, old: str, new: str, said: str
) -> None:
    # The first fully connected layer, not the classifier.
    net.write_text(NET.replace(old, new, 1))
    ran = ssdh(*command.split(), net, code=1 if command.startswith("diff") else 0)
    assert ran.err.count(said) == 1
    assert "warning: net.prototxt:" in ran.err


@pytest.mark.parametrize("command", ["patch --dry-run", "deploy --dry-run"])
@pytest.mark.parametrize("blob", ["bottom", "top"])
def test_a_classifier_without_a_blob(ssdh: Ssdh, net: Path, command: str, blob: str) -> None:
    outer = {"bottom": 'top: "x"', "top": 'bottom: "data"'}[blob]
    net.write_text(
        'input: "data" input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }\n'
        f'layer {{ name: "conv" type: "Convolution" {outer}\n'
        "  convolution_param { num_output: 3 kernel_size: 5 } }\n"
    )
    err = ssdh(*command.split(), net, code=3).err
    assert err.startswith("net.prototxt: no classifier found")
