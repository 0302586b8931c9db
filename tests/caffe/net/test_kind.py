"""What a file is, told by what stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery import parse
from ssdh_surgery.caffe.net.kind import Kind, kind_of

DATA = 'layer { type: "Data" top: "d" top: "l" } '
FC = 'layer { type: "InnerProduct" bottom: "d" top: "f" } '
INPUT = 'input: "d" input_dim: 1 '


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param(DATA + FC, Kind.TRAIN, id="data"),
        pytest.param('layers { type: HDF5_DATA top: "d" }', Kind.TRAIN, id="V1-data"),
        pytest.param('layers { layer { type: "images" } top: "d" }', Kind.TRAIN, id="V0-data"),
        pytest.param(
            'input: "d" input: "l" ' + FC + 'layer { type: "SoftmaxWithLoss" bottom: ["f", "l"] }',
            Kind.TRAIN,
            id="inputs-and-a-loss",
        ),
        pytest.param(INPUT + FC, Kind.DEPLOY, id="input"),
        pytest.param('layer { type: "Input" top: "d" } ' + FC, Kind.DEPLOY, id="input-layer"),
        pytest.param('input: "d"', Kind.DEPLOY, id="input-alone"),
        pytest.param(FC, Kind.DEPLOY, id="no-input"),
        pytest.param('net: "n.prototxt"', Kind.SOLVER, id="solver"),
        pytest.param("max_iter: 5", Kind.SOLVER, id="solver-of-one-field"),
        pytest.param("net_param { layer { } } fork: 1", Kind.SOLVER, id="solver-with-a-net"),
        pytest.param("", Kind.UNKNOWN, id="nothing"),
        pytest.param("# a comment", Kind.UNKNOWN, id="comment"),
        pytest.param('name: "n"', Kind.UNKNOWN, id="a-name-alone"),
        pytest.param('item { name: "x" label: 1 }', Kind.UNKNOWN, id="label-map"),
    ],
)
def test_kind_of(text: str, kind: Kind) -> None:
    assert kind_of(parse(text.encode())) is kind


@pytest.mark.corpus
def test_real_files_are_what_their_names_say(corpus: Path) -> None:
    for file in corpus.rglob("*.prototxt"):
        kind = kind_of(parse(file.read_bytes()))
        if "solver" in file.name:
            assert kind is Kind.SOLVER, file
        elif "deploy" in file.name:
            assert kind is Kind.DEPLOY, file
        elif "train" in file.name or "test" in file.name:
            assert kind is Kind.TRAIN, file
