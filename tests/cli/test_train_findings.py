"""What `ssdh train` and `ssdh check` say before the first iteration, with each engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import Ssdh
from support.training import write_all, write_net, write_solver

pytestmark = pytest.mark.usefixtures("default_signals")
ENGINES = [pytest.param("binary", marks=pytest.mark.caffe), "torch"]


@pytest.fixture(autouse=True)
def run(ssdh: Ssdh) -> None:
    """A net and its records, in the current directory."""
    write_all(Path())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        (
            {"lr_policy": '"step"', "stepsize": 2},
            "warning SSDH311 vanishing-rate: gamma is not set: the learning rate is 0 from "
            "iteration 2 of 6 on",
        ),
        ({}, "warning SSDH309 no-snapshots: no snapshot is written, not even at the end: what "),
        (
            {"eval_type": '"classification"'},
            "warning SSDH313 foreign-solver-field: BVLC Caffe has no field 'eval_type' in a "
            "solver; the Caffe of SSD, NVCaffe and IntelCaffe have",
        ),
        (
            {"display": 0, "max_iter": 20},
            "info SSDH323 silent-run: display is 0: the run prints no loss",
        ),
    ],
)
def test_a_warning_comes_before_the_run(
    ssdh: Ssdh, engine: str, fields: dict[str, object], finding: str
) -> None:
    write_solver(Path(), **fields)
    ran = ssdh("train", "--solver", "solver.prototxt", "--engine", engine)
    assert finding in ran.err
    assert ran.err.index(finding) < ran.err.index("engine: ")
    assert finding in ssdh("check", "solver.prototxt", "--engine", engine).out


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        (
            {"lr_policy": '"step"', "gamma": 0.1},
            "solver.prototxt:3:12: error SSDH310 solver-refused: lr_policy 'step' needs a "
            "stepsize above 0, not 0",
        ),
        (
            {"lr_policy": '"multi_step"'},
            "error SSDH310 solver-refused: unknown learning rate policy 'multi_step'",
        ),
        ({"lr_policy": None}, "error SSDH310 solver-refused: lr_policy is not set"),
        ({"type": '"adam"'}, "error SSDH310 solver-refused: unknown solver type 'adam'"),
    ],
)
def test_an_error_comes_instead_of_the_run(
    ssdh: Ssdh, engine: str, fields: dict[str, object], finding: str
) -> None:
    write_solver(Path(), **fields)
    ran = ssdh("train", "--solver", "solver.prototxt", "--engine", engine, code=3)
    assert finding in ran.err
    assert not Path("runs").exists()
    assert finding in ssdh("check", "solver.prototxt", "--engine", engine, code=1).out


def test_the_embedded_engine_lacks_what_a_caffe_may_have(ssdh: Ssdh) -> None:
    write_net(Path(), more='layer { name: "p" type: "Python" bottom: "ip1" top: "p" }')
    finding = "error SSDH219 engine-lacks-layer: layer 'p' has the type 'Python', which the "
    assert finding in ssdh("check", "solver.prototxt", "--engine", "torch", code=1).out
    assert finding in ssdh("train", "solver.prototxt", "--engine", "torch", code=3).err
    assert "SSDH219" not in ssdh("check", "solver.prototxt", "--engine", "binary").out
    assert finding in ssdh("check", "net.prototxt", "--engine", "torch", code=1).out
