"""Several processes that train one net, on the CPU: as one that takes as many batches."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ssdh_surgery.engines import events
from ssdh_surgery.errors import EngineError
from support.training import (
    DROPOUT,
    Runner,
    difference,
    write_net,
    write_records,
    write_solver,
)

TWO = {"on": ("cpu", "cpu")}
TESTS = {"test_iter": 2, "test_interval": 2}


def test_two_processes_are_one_with_two_batches(tmp_path: Path) -> None:
    """With random crops and mirrors, weight decay and clipping; the records are shared out."""
    write_records(tmp_path)
    write_net(tmp_path, transform="crop_size: 4 mirror: true")
    fields = TESTS | {"snapshot": 4, "weight_decay": 0.01, "clip_gradients": 1}
    Runner(tmp_path).run(write_solver(tmp_path, **fields, iter_size=2, snapshot_prefix='"alone"'))
    # Gradients are clipped after they are averaged, so that the limit is not the same.
    solver = write_solver(
        tmp_path, **fields | {"clip_gradients": 0.5}, snapshot_prefix='"together"'
    )
    run = Runner(tmp_path, TWO, count=1).run(solver, sample=("label",))
    ours, theirs = (tmp_path / f"{name}_iter_4.caffemodel" for name in ("together", "alone"))
    assert difference(ours, theirs) < 1e-5
    # The first one alone reports, tests and writes.
    assert [event.iteration for event in run.all(events.Iteration)] == list(range(7))
    assert [event.iteration for event in run.all(events.TestEnd)] == [0, 2, 4, 6]
    # The labels of the records in turn, of two batches of four each time.
    samples = [event.values["label"][:, 0].tolist() for event in run.all(events.BlobSample)]
    assert [len(labels) for labels in samples] == [8] * 4
    assert len({tuple(labels) for labels in samples}) > 1
    assert len(re.findall(r"Solving small\n", run.text)) == 1
    assert run.events[-1].code == 0


def test_a_resumed_run_of_two_equals_an_undisturbed_one(tmp_path: Path) -> None:
    """With dropout, whose generators are one for each process."""
    write_records(tmp_path)
    write_net(tmp_path, more=DROPOUT)
    whole = write_solver(tmp_path, "whole.prototxt", snapshot=3, snapshot_prefix='"whole"')
    Runner(tmp_path, TWO).run(whole)
    state = tmp_path / "whole_iter_3.solverstate"
    parts = write_solver(
        tmp_path, snapshot=6, snapshot_prefix='"parts"', random_seed=None, average_loss=2
    )
    Runner(tmp_path, TWO, count=1).run(parts, snapshot=str(state))
    ours, theirs = (tmp_path / f"{name}_iter_6.caffemodel" for name in ("parts", "whole"))
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_stop_reaches_all(tmp_path: Path) -> None:
    write_records(tmp_path)
    write_net(tmp_path)
    solver = write_solver(tmp_path, max_iter=1_000_000, display=1)
    trainer, steps, _ = Runner(tmp_path, TWO).start(solver)
    found = []
    for event in steps:
        found.append(event)
        if isinstance(event, events.LearningRate) and event.iteration == 1:
            trainer.stop()
    assert [type(event).__name__ for event in found[-3:]] == ["Snapshot", "TrainingEnd", "RunExit"]
    assert found[-1].is_interrupted
    assert (tmp_path / found[-3].state).exists()


def test_the_process_that_failed_is_named(tmp_path: Path) -> None:
    """Whichever it is: both have records that are bad."""
    write_records(tmp_path)
    write_net(tmp_path)
    net = tmp_path / "net.prototxt"
    net.write_text(net.read_text().replace("num_output: 3", "num_output: 2"))
    with pytest.raises(EngineError) as caught:
        Runner(tmp_path, TWO).run(write_solver(tmp_path))
    assert re.match(
        r"process [01] \(cpu\): .*net\.prototxt:13:15: record '0000000[25]' of .*records: layer "
        r"'loss' \(SoftmaxWithLoss\): label 2 is not one of the 2 classes \(0 to 1\)\n",
        str(caught.value),
    )
