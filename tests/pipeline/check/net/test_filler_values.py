"""Fillers that Caffe refuses, as it says itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.pipeline.check.target import Target
from support.caffe_runs import fatal, run_caffe
from support.solver_findings import (
    SOLVER,
    data,
    findings_of,
    layer,
    loss,
    product,
    sentences,
    write_run,
)

REFUSED = [
    ('weight_filler { type: "gausian" }', "Unknown filler name: gausian", "Unknown filler name"),
    ('weight_filler { type: "Xavier" }', "Unknown filler name: Xavier", "Unknown filler name"),
    ('bias_filler { type: "zero" }', "Unknown filler name: zero", "Unknown filler name"),
    (
        'weight_filler { type: "gaussian" std: 0 }',
        "a gaussian filler's std must be positive, not 0",
        "Check failed: sigma > 0",
    ),
    (
        'weight_filler { type: "uniform" min: 2 }',
        "a uniform filler's min 2 is above its max 1",
        "Check failed: a <= b",
    ),
    (
        'weight_filler { type: "xavier" sparse: 3 }',
        "Sparsity not supported by this Filler.",
        "Check failed: this->filler_param_.sparse() == -1",
    ),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def net(filler: str) -> str:
    return data() + product("fc", "data", filler=filler) + loss()


@pytest.mark.parametrize(("filler", "message", "_caffe"), REFUSED)
def test_a_filler_that_caffe_refuses(folder: Path, filler: str, message: str, _caffe: str) -> None:
    (finding,) = (each for each in findings_of(folder, net(filler)) if each.code == "SSDH214")
    assert finding.message == f"layer 'fc' (InnerProduct): {message}"
    assert finding.location is not None
    assert finding.location.line == 6


def test_the_hint_names_the_filler_that_was_meant(folder: Path) -> None:
    found = findings_of(folder, net('weight_filler { type: "gausian" }'))
    (hint,) = (each.hint for each in found if each.code == "SSDH214")
    assert hint == "did you mean 'gaussian'?"


def test_fillers_of_other_messages(folder: Path) -> None:
    scale = layer("scale", "Scale", "data", more='scale_param { filler { type: "ones" } }')
    text = data().replace('"constant" value: 1', '"uniforn"') + scale
    found = findings_of(folder, text + product("fc", "scale") + loss())
    assert sentences(found, "SSDH214") == [
        "error SSDH214: layer 'data' (DummyData): Unknown filler name: uniforn",
        "error SSDH214: layer 'scale' (Scale): Unknown filler name: ones",
    ]


def test_a_filler_of_a_fork(folder: Path) -> None:
    text = net('weight_filler { type: "identity" }')
    assert sentences(findings_of(folder, text), "SSDH2") == [
        "warning SSDH218: BVLC Caffe refuses layer 'fc' (InnerProduct): Unknown filler name: "
        "identity; happynear's Caffe has it"
    ]
    assert sentences(findings_of(folder, text, target=Target("torch")), "SSDH2") == [
        "error SSDH214: layer 'fc' (InnerProduct): Unknown filler name: identity"
    ]


@pytest.mark.parametrize(
    "filler",
    [
        'weight_filler { type: "gaussian" std: 0.01 sparse: 3 }',
        'weight_filler { type: "uniform" min: -1 max: 1 }',
        'weight_filler { type: "msra" }',
        "weight_filler { value: 1 }",
    ],
)
def test_a_filler_that_is_fine(folder: Path, filler: str) -> None:
    assert sentences(findings_of(folder, net(filler)), "SSDH214", "SSDH218") == []


@pytest.mark.caffe
@pytest.mark.parametrize(("filler", "_message", "words"), REFUSED)
def test_caffe_refuses_it(folder: Path, filler: str, _message: str, words: str) -> None:
    write_run(folder, net(filler), SOLVER + "solver_mode: CPU")
    assert words in fatal(run_caffe(folder))[0]
