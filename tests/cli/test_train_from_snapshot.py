"""Weights and snapshots that cannot be started from are refused before any engine is launched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.command_line import Ssdh
from support.training import write_all, write_solver

STATE, WEIGHTS = "snap_iter_2.solverstate", "snap_iter_2.caffemodel"
ENGINES = pytest.mark.parametrize("engine", ["binary", "torch"])


@pytest.fixture(autouse=True)
def runs(ssdh: Ssdh) -> Path:
    """The folder of the runs, after one of two iterations."""
    write_all(Path(), snapshot_after_train=None)
    ssdh("train", "solver.prototxt", "--engine", "torch", "--iterations", "2")
    return Path("runs")


def refused(ssdh: Ssdh, *words: str) -> str:
    """What is said of a launch that is refused, which leaves no run."""
    before = sorted(Path("runs").iterdir())
    ran = ssdh("train", "solver.prototxt", *words, code=3)
    assert "found an error before the first iteration" in ran.err
    assert sorted(Path("runs").iterdir()) == before
    return ran.err


@ENGINES
def test_weights_and_state_for_each_other(ssdh: Ssdh, engine: str) -> None:
    assert (
        f"{WEIGHTS} holds weights, not a solver's state\n"
        f"hint: to go on: --snapshot {STATE} (it stands beside); to start anew from these weights: "
        f"--weights {WEIGHTS}\n"
    ) in refused(ssdh, "--snapshot", WEIGHTS, "--engine", engine)
    assert (
        f"{STATE} holds a solver's state, not weights\n"
        f"hint: to go on from it: --snapshot {STATE}; to start anew: --weights {WEIGHTS} (it "
        "stands beside)\n"
    ) in refused(ssdh, "--weights", STATE, "--force", "--engine", engine)


@ENGINES
def test_another_type_of_solver(ssdh: Ssdh, engine: str) -> None:
    write_solver(Path(), snapshot_after_train=None, type='"Adam"')
    for words in (["--snapshot", STATE], ["--resume"]):
        assert f"{STATE} belongs to another solver type or net" in refused(
            ssdh, *words, "--engine", engine
        )


@ENGINES
def test_nothing_is_left_at_the_end(ssdh: Ssdh, engine: str) -> None:
    words = ("--snapshot", STATE, "--iterations", "2", "--engine", engine)
    assert ssdh("train", "solver.prototxt", *words).out == (
        f"{STATE} is at iteration 2 of 2: nothing is left to train; --iterations 4 goes on\n"
    )


def test_a_snapshot_that_was_moved(ssdh: Ssdh) -> None:
    Path("old").mkdir()
    for path in (STATE, WEIGHTS, "snap_iter_2.ssdhstate"):
        shutil.move(path, "old")
    words = ("--snapshot", f"old/{STATE}", "--iterations", "3", "--engine")
    said = refused(ssdh, *words, "binary")
    assert f"the weights of old/{STATE} do not exist: '{WEIGHTS}'" in said
    assert f"hint: it stands beside the snapshot: cp old/{WEIGHTS} {WEIGHTS}\n" in said
    # The embedded engine looks beside the state, too.
    ssdh("train", "solver.prototxt", *words, "torch")
    assert Path("snap_iter_3.caffemodel").is_file()
