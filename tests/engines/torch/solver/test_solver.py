"""Training against the records of Caffe: its trajectories, and its log of one of them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.torch.solver.setup import read_setup
from ssdh_surgery.engines.torch.solver.solver import TorchSolver
from ssdh_surgery.engines.torch.solver.solver_nets import BuildOptions, SolverNets, build_nets
from support.engine_logs import parse_log
from support.paths import GOLDEN
from support.training import TRAIN, Runner, copy_golden

CASES = sorted(path.stem.removeprefix("golden_") for path in TRAIN.glob("golden_*.npz"))
LOG = GOLDEN / "logs" / "finetune_ok.log"


def built(steps: Generator[Event, None, SolverNets]) -> SolverNets:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_all_trajectories_are_here() -> None:
    assert len(CASES) == 12


@pytest.mark.parametrize("case", CASES)
def test_trajectory(case: str) -> None:
    record = np.load(TRAIN / f"golden_{case}.npz")
    setup = read_setup(TRAIN / f"solver_{case}.prototxt", TRAIN)
    options = BuildOptions("cpu", seed=1, weights=[TRAIN / "init.caffemodel"])
    nets = built(build_nets(setup, options, lambda _source, _message: None))
    solver = TorchSolver(setup, nets, lambda _source, _message: None)
    try:
        for recorded in record["last_micro_batch_loss"]:
            list(solver.step())
            assert solver.last_loss == pytest.approx(recorded, rel=1e-3)
        for layer in nets.train.net.layers:
            for index, param in enumerate(layer.params):
                wanted = record[f"{layer.name}/{index}"]
                distance = np.linalg.norm(param.data - wanted) / np.linalg.norm(wanted)
                assert distance < 2e-3, f"{layer.name}/{index}"
        if "test_loss" in record:
            found = [event for event in solver.test_all() if isinstance(event, events.TestOutput)]
            values = {output.name: output.value for output in found}
            assert values["loss"] == pytest.approx(record["test_loss"], rel=1e-5)
            assert values["accuracy"] == pytest.approx(record["test_accuracy"])
    finally:
        nets.close()


SAID_WHILE_TRAINING = (
    events.Device,
    events.TrainingStart,
    events.Iteration,
    events.LearningRate,
    events.NetOutput,
    events.TestStart,
    events.TestEnd,
    events.Snapshot,
    events.TrainingEnd,
)


def facts(found: list[Event]) -> list[dict[str, object]]:
    """What is said while training, without times and rates."""
    left_out = {"elapsed", "rate", "seconds"}
    return [
        {"what": type(event).__name__}
        | {
            name: value
            for name, value in vars(event).items()
            if name not in left_out or (isinstance(event, events.LearningRate) and name == "rate")
        }
        for event in found
        if isinstance(event, SAID_WHILE_TRAINING)
    ]


def assert_alike(ours: list[dict[str, object]], theirs: list[dict[str, object]]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            wanted = other[name]
            if isinstance(wanted, float):
                wanted = pytest.approx(wanted, rel=2e-5, abs=1e-9)
            assert value == wanted, (one, other)


def test_a_run_logs_what_caffe_logs(tmp_path: Path) -> None:
    """The same solver as in Caffe's own log; our log is read by the same parser."""
    copy_golden(tmp_path)
    (tmp_path / "snapshots").mkdir()
    solver = tmp_path / "solver.prototxt"
    solver.write_text(
        'net: "net_ssdh.prototxt" base_lr: 0.05 lr_policy: "step" gamma: 0.1 stepsize: 8 '
        "momentum: 0.9 weight_decay: 0.0005 max_iter: 20 test_iter: 4 test_interval: 10 "
        'display: 5 snapshot: 10 snapshot_prefix: "snapshots/ssdh_step_ssdh" solver_mode: CPU\n'
    )
    run = Runner(tmp_path).run(solver, weights=str(tmp_path / "init.caffemodel"))
    ours = facts(list(parse_log(run.text.splitlines())))
    theirs = facts(list(parse_log(LOG.read_text().splitlines())))
    assert len(theirs) == 44
    assert_alike(ours, theirs)
    # What is reported is what is logged.
    assert_alike(facts(run.events), theirs)
    assert isinstance(run.events[-1], events.RunExit)
    assert (run.events[-1].code, run.events[-1].is_interrupted) == (0, False)
