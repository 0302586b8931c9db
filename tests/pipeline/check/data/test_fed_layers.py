"""Nets for `caffe train` whose data a program would have to feed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ssdh_surgery.caffe.net.net import net_of
from ssdh_surgery.pipeline.check.check import check_net, net_subject
from ssdh_surgery.prototxt.parser import parse
from support.check_folders import (
    SOLVER,
    TESTED,
    classifier,
    data_layer,
    labelled,
    texts,
    write_lmdb,
)

MEMORY = (
    'layer { name: "data" type: "MemoryData" top: "data" top: "label" '
    "memory_data_param { batch_size: 2 channels: 1 height: 2 width: 2 } }\n"
)
INPUT = (
    'layer { name: "data" type: "Input" top: "data" top: "label" '
    "input_param { shape { dim: 2 dim: 4 } shape { dim: 2 } } }\n"
)
TOP = 'input: "data" input_shape { dim: 2 dim: 4 } input: "label" input_shape { dim: 2 }\n'
DUMMY = (
    'layer { name: "dummy" type: "DummyData" top: "data" top: "label" '
    "dummy_data_param { shape { dim: 2 dim: 4 } shape { dim: 2 } } }\n"
)
HINT = (
    "\nhint: replace it with a Data layer: 'ssdh data build' makes its database of a list or of "
    "folders"
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_lmdb("lmdb", labelled([0, 1, 2]))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            MEMORY,
            "layer 'data' is fed by a program, and caffe train has none: Caffe stops at the first "
            "batch",
        ),
        (
            INPUT,
            "layer 'data' is fed by a program, and caffe train has none: Caffe trains on zeros",
        ),
        (
            TOP,
            "a program feeds the input 'data', 'label' of the net, and caffe train has none: Caffe "
            "trains on zeros",
        ),
    ],
)
def test_data_of_a_program(layer: str, message: str) -> None:
    assert texts(layer + classifier(3)) == [f"SSDH151 {message}{HINT}"]


def test_the_net_of_a_test() -> None:
    train = data_layer("lmdb")
    test = MEMORY.replace("memory_data_param", "include { phase: TEST } memory_data_param")
    assert texts(train + test + classifier(3)) == []
    (text,) = texts(train + test + classifier(3), TESTED)
    assert text.startswith("SSDH151 layer 'data' is fed")


def test_a_net_alone_may_be_for_a_program() -> None:
    for layer in (MEMORY, INPUT, TOP, DUMMY):
        net = net_of(parse((layer + classifier(3)).encode(), "net.prototxt"))
        assert check_net(net_subject(net, None)) == []


def test_an_input_that_nothing_reads() -> None:
    unread = INPUT.replace('"data"', '"other"').replace('"label"', '"more"')
    assert texts(data_layer("lmdb") + unread + classifier(3)) == []


def test_made_up_data() -> None:
    assert texts(DUMMY + classifier(3)) == [
        "SSDH152 all data of the net come from DummyData layers, such as 'dummy': constants or "
        f"random numbers{HINT}"
    ]
    # Constants beside real data, as nets of two players have them, are fine.
    beside = DUMMY.replace('"data"', '"ones"').replace('"label"', '"zeros"')
    assert texts(data_layer("lmdb") + beside + classifier(3)) == []


@pytest.mark.caffe
def test_what_caffe_does(caffe: Path) -> None:
    Path("solver.prototxt").write_text(SOLVER + 'snapshot_prefix: "run"')

    def train(net: str) -> subprocess.CompletedProcess[str]:
        Path("net.prototxt").write_text(net)
        command = [caffe, "train", "--solver=solver.prototxt"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    process = train(MEMORY + classifier(3))
    assert process.returncode != 0
    assert "MemoryDataLayer needs to be initialized by calling Reset" in process.stderr
    assert train(INPUT + classifier(3)).returncode == 0
