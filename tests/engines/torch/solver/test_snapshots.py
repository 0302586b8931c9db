"""Snapshots and going on from them: to the bit, in both forms, and when things go wrong."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.caffe.weights.binary_weights import read_weights, write_weights
from ssdh_surgery.caffe.weights.layer_weights import LayerWeights
from ssdh_surgery.caffe.weights.solverstate import read_solver_state
from ssdh_surgery.engines import events
from ssdh_surgery.engines.torch.solver.sidecar import read_sidecar
from ssdh_surgery.engines.torch.solver.snapshots import SnapshotPlace
from ssdh_surgery.errors import DataError, FileError, SsdhError
from ssdh_surgery.files import file_digest
from ssdh_surgery.location import Location
from support.training import (
    TRAIN,
    Runner,
    copy_golden,
    write_all,
    write_net,
    write_records,
    write_solver,
)

TESTS = {"test_iter": 2, "test_interval": 2, "average_loss": 3, "snapshot": 3}


def losses(run_events: list[events.Event], start: int) -> list[tuple[int, float]]:
    return [
        (event.iteration, event.loss)
        for event in run_events
        if isinstance(event, events.Iteration) and event.iteration >= start
    ]


def refusal(runner: Runner, solver: Path, **fields: str) -> str:
    with pytest.raises(SsdhError) as caught:
        runner.run(solver, **fields)
    return str(caught.value).replace(f"{runner.folder}/", "")


@pytest.mark.parametrize("form", ["BINARYPROTO", "HDF5"])
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_resumed_run_equals_an_undisturbed_one(tmp_path: Path, kind: str, form: str) -> None:
    """With random crops, mirrors and dropout, and test passes in between."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    ending = ".h5" if form == "HDF5" else ""
    fields = TESTS | {"type": f'"{kind}"', "snapshot_format": form}
    whole.mkdir()
    write_all(whole, **fields)
    undisturbed = Runner(whole).run(whole / "solver.prototxt")

    parts.mkdir()
    runner = Runner(parts)
    runner.run(write_all(parts, **fields | {"max_iter": 3}))
    state = parts / f"snap_iter_3.solverstate{ending}"
    # What was random must not come from the seed again.
    resumed = runner.run(write_solver(parts, **fields | {"random_seed": 99}), snapshot=str(state))
    assert losses(resumed.events, 3) == losses(undisturbed.events, 3)
    tested = [
        [(output.iteration, output.value) for output in run.all(events.TestOutput)]
        for run in (undisturbed, resumed)
    ]
    assert tested[1] == [(iteration, value) for iteration, value in tested[0] if iteration > 3]
    for name in (f"snap_iter_6.caffemodel{ending}", f"snap_iter_6.solverstate{ending}"):
        if not ending:  # HDF5 files bear the time that they were written at
            assert (whole / name).read_bytes() == (parts / name).read_bytes()
    one, other = (
        read_solver_state(folder / f"snap_iter_6.solverstate{ending}") for folder in (whole, parts)
    )
    assert all((a == b).all() for a, b in zip(one.history, other.history, strict=True))
    sidecars = [
        json.loads((folder / "snap_iter_6.ssdhstate").read_text()) for folder in (whole, parts)
    ]
    assert sidecars[0]["nets"] == sidecars[1]["nets"]
    assert [event.snapshot for event in resumed.all(events.SnapshotLoad)] == [str(state)]


def test_without_a_sidecar_data_begin_at_the_first_record(tmp_path: Path) -> None:
    """As in Caffe: equal to the sidecar's run exactly where a pass over the data had ended."""
    write_records(tmp_path, 8)
    write_net(tmp_path)
    runner = Runner(tmp_path)
    runner.run(write_solver(tmp_path, max_iter=3, snapshot=1))
    solver = write_solver(tmp_path)
    for iteration, is_whole_pass in ((2, True), (3, False)):
        state = tmp_path / f"snap_iter_{iteration}.solverstate"
        placed = runner.run(solver, snapshot=str(state))
        state.with_suffix(".ssdhstate").unlink()
        began_anew = runner.run(solver, snapshot=str(state))
        same = losses(placed.events, 0) == losses(began_anew.events, 0)
        assert same == is_whole_pass
        assert not began_anew.all(events.LogWarning)


def warnings(runner: Runner, solver: Path, state: Path) -> list[str]:
    run = runner.run(solver, snapshot=str(state))
    return [
        warning.message.replace(f"{runner.folder}/", "") for warning in run.all(events.LogWarning)
    ]


def test_a_sidecar_that_does_not_belong_is_left_aside(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run(write_all(tmp_path, max_iter=2, snapshot=1))
    solver = write_solver(tmp_path, max_iter=3)
    state, beside = tmp_path / "snap_iter_2.solverstate", tmp_path / "snap_iter_2.ssdhstate"
    own = beside.read_bytes()

    beside.write_bytes((tmp_path / "snap_iter_1.ssdhstate").read_bytes())
    said = "snap_iter_2.ssdhstate belongs to another solverstate: data starts at the first record"
    assert warnings(runner, solver, state) == [said]
    beside.write_bytes(own[:-40])
    assert warnings(runner, solver, state) == ["snap_iter_2.ssdhstate: is damaged"]
    beside.write_bytes(own.replace(b'"version": 1', b'"version": 2'))
    assert warnings(runner, solver, state) == ["snap_iter_2.ssdhstate: has an unknown version: 2"]
    beside.write_bytes(own)
    assert warnings(runner, solver, state) == []
    shutil.rmtree(tmp_path / "records")
    write_records(tmp_path, 11)
    assert warnings(runner, solver, state) == [
        "the data of layer 'data' has changed: it starts at the first record"
    ]


def test_caffes_own_snapshot_is_gone_on_from(tmp_path: Path) -> None:
    copy_golden(tmp_path)
    solver = tmp_path / "solver_sgd_step_ssdh.prototxt"
    solver.write_text(solver.read_text().replace("max_iter: 20", "max_iter: 21"))
    state = tmp_path / "snap_sgd_step_ssdh_iter_20.solverstate"
    run = Runner(tmp_path).run(solver, snapshot=str(state))
    assert [event.iteration for event in run.all(events.Iteration)] == [20, 21]
    assert [event.rate for event in run.all(events.LearningRate)] == pytest.approx([0.0005])


def test_the_learned_net_is_found_beside_its_state(tmp_path: Path) -> None:
    """A folder of snapshots that was moved as a whole."""
    runner = Runner(tmp_path)
    runner.run(write_all(tmp_path, max_iter=1, snapshot=1))
    (tmp_path / "moved").mkdir()
    for file in tmp_path.glob("snap_iter_1.*"):
        file.rename(tmp_path / "moved" / file.name)
    solver = write_solver(tmp_path, max_iter=2)
    run = runner.run(solver, snapshot=str(tmp_path / "moved" / "snap_iter_1.solverstate"))
    assert run.all(events.Iteration)[0].iteration == 1
    (tmp_path / "moved" / "snap_iter_1.caffemodel").unlink()
    said = refusal(runner, solver, snapshot=str(tmp_path / "moved" / "snap_iter_1.solverstate"))
    assert said == "snap_iter_1.caffemodel: cannot read: no such file"


def test_what_is_written_when(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    fields = {"max_iter": 5, "snapshot": 2, "snapshot_after_train": "true"}
    run = runner.run(write_all(tmp_path, **fields))
    assert sorted(path.name for path in tmp_path.glob("snap_*")) == sorted(
        f"snap_iter_{iteration}.{kind}"
        for iteration in (2, 4, 5)
        for kind in ("caffemodel", "solverstate", "ssdhstate")
    )
    assert [(event.weights, event.state) for event in run.all(events.Snapshot)] == [
        (f"snap_iter_{n}.caffemodel", f"snap_iter_{n}.solverstate") for n in (2, 4, 5)
    ]
    weights_file = read_weights(tmp_path / "snap_iter_5.caffemodel")
    assert weights_file.name == "small"
    assert [layer.type for layer in weights_file.layers if layer.blobs] == ["InnerProduct"] * 2


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [(None, "solver_iter_1.caffemodel"), ('"out"', "out/solver_iter_1.caffemodel")],
    ids=["missing", "folder"],
)
def test_a_prefix_is_completed_as_caffe_does(
    tmp_path: Path, prefix: str | None, expected: str
) -> None:
    (tmp_path / "out").mkdir()
    Runner(tmp_path).run(write_all(tmp_path, max_iter=1, snapshot=1, snapshot_prefix=prefix))
    assert (tmp_path / expected).exists()


# What goes wrong.


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        ("missing/snap", "no such folder\nHERE\nhint: create the folder: mkdir -p missing"),
        ("net.prototxt/snap", "a part of the path is not a folder\nHERE\nhint: create the folder: "
         "mkdir -p net.prototxt"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_written_to_is_found_first(
    tmp_path: Path, prefix: str, reason: str
) -> None:
    solver = write_all(tmp_path, snapshot=5, snapshot_prefix=f'"{prefix}"')
    said = refusal(runner := Runner(tmp_path), solver)
    place = "solver.prototxt:7:18: snapshots cannot be written to "
    here = f'  7 | snapshot_prefix: "{prefix}"\n    |                  {"^" * (len(prefix) + 2)}'
    assert said == f"{place}'{prefix}_iter_N...': " + reason.replace("HERE", here)
    assert "Iteration" not in (runner.folder / "1.log").read_text()


def test_hdf5_refuses_names_with_slashes_first(tmp_path: Path) -> None:
    solver = write_all(tmp_path, snapshot_after_train="true", snapshot_format="HDF5")
    net = tmp_path / "net.prototxt"
    net.write_text(net.read_text().replace('name: "ip1"', 'name: "block/ip1"'))
    said = refusal(Runner(tmp_path), solver)
    assert said.startswith("HDF5 cannot hold weights of a layer called 'block/ip1'\n")


def test_a_full_disk_leaves_the_last_snapshot(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk that is full."""
    solver = write_all(tmp_path, snapshot=2)
    net = tmp_path / "net.prototxt"
    net.write_text(net.read_text().replace("num_output: 6", "num_output: 600"))
    _, steps, log = Runner(tmp_path).start(solver)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        for event in steps:
            if isinstance(event, events.Snapshot) and "iter_4" in event.state:
                break
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
        with pytest.raises(FileError) as caught:
            next(steps)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert str(caught.value) == f"{tmp_path}/snap_iter_4.caffemodel: cannot write: File too large"
    assert caught.value.exit_code == 3
    assert sorted(path.name for path in tmp_path.glob("*snap*")) == [
        "snap_iter_2.caffemodel",
        "snap_iter_2.solverstate",
        "snap_iter_2.ssdhstate",
    ]
    last = log.read_text().splitlines()[-1]
    assert last.startswith("F")
    assert last.endswith("snap_iter_4.caffemodel: cannot write: File too large")
    state = str(tmp_path / "snap_iter_2.solverstate")
    assert Runner(tmp_path, count=1).run(solver, snapshot=state).all(events.Snapshot)


def test_weights_of_another_net(tmp_path: Path) -> None:
    solver = write_all(tmp_path)
    other = tmp_path / "other.caffemodel"
    write_weights(other, [LayerWeights("ip1", "", (np.zeros((6, 50), np.float32),) * 2)])
    assert refusal(Runner(tmp_path), solver, weights=str(other)) == (
        "other.caffemodel: Cannot copy param 0 weights from layer 'ip1'; shape mismatch.  Source "
        "param shape is 6 50 (300); target param shape is 6 32 (192).\n"
        "hint: To learn this layer's parameters from scratch rather than copying from a saved "
        "net, rename the layer."
    )


def test_a_corrupt_caffemodel(tmp_path: Path) -> None:
    solver = write_all(tmp_path)
    whole = (TRAIN / "init.caffemodel").read_bytes()
    broken = tmp_path / "broken.caffemodel"
    for length in (0, 1, 100, len(whole) - 1):
        broken.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"broken\.caffemodel: is (empty|truncated|text)"):
            Runner(tmp_path, count=length).run(solver, weights=str(broken))


def test_a_state_of_another_solver_type(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run(write_all(tmp_path, max_iter=1, snapshot=1))
    solver = write_solver(tmp_path, type='"Adam"')
    state = tmp_path / "snap_iter_1.solverstate"
    assert refusal(runner, solver, snapshot=str(state)) == (
        "snap_iter_1.solverstate: belongs to another solver type or net: it has 4 history blobs, "
        "but Adam has 8 for this net\n"
        'hint: resume with type: "SGD" or "Nesterov" or "AdaGrad" or "RMSProp", or start from the '
        "weights alone (--weights)"
    )
    # Of as many blobs Caffe takes it, and so does this; the sidecar knows better.
    solver = write_solver(tmp_path, type='"Nesterov"')
    assert warnings(runner, solver, state) == [
        "snap_iter_1.solverstate was written by SGD, but training resumes with Nesterov"
    ]


def test_a_state_of_another_net(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.run(write_all(tmp_path, max_iter=1, snapshot=1))
    net = tmp_path / "net.prototxt"
    net.write_text(net.read_text().replace("num_output: 6", "num_output: 7"))
    state = tmp_path / "snap_iter_1.solverstate"
    assert refusal(runner, write_solver(tmp_path), snapshot=str(state)) == (
        "snap_iter_1.solverstate: belongs to another net: history blob 0 is 6x32, but the "
        "param is 7x32\n"
        "hint: resume with the net that it was trained with, or train this one from other weights"
    )


def test_files_that_are_no_states(tmp_path: Path) -> None:
    runner, solver = Runner(tmp_path), write_all(tmp_path)
    state = tmp_path / "x.solverstate"
    assert refusal(runner, solver, snapshot=str(state)) == (
        "x.solverstate: cannot read: no such file"
    )
    state.write_bytes((TRAIN / "init.caffemodel").read_bytes())
    assert refusal(runner, solver, snapshot=str(state)) == (
        "x.solverstate: holds weights, not a solver's state"
    )


def test_a_kill_leaves_whole_snapshots(tmp_path: Path) -> None:
    """Of a run that does hardly anything but write snapshots."""
    write_all(tmp_path, max_iter=1_000_000, snapshot=1, display=0)
    script = (
        "import sys; from pathlib import Path\n"
        "from ssdh_surgery.engines.trainer import TrainJob\n"
        "from ssdh_surgery.engines.torch.run.torch_trainer import TorchTrainer\n"
        "folder = Path(sys.argv[1])\n"
        "job = TrainJob(str(folder / 'solver.prototxt'), folder, folder / 'killed.log')\n"
        "for event in TorchTrainer(threads=1).run(job): pass\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "snap_iter_20.solverstate").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait(60)
    states = sorted(tmp_path.glob("snap_*.solverstate"), key=lambda path: path.stat().st_mtime_ns)
    for state in states:
        assert read_sidecar(state.with_suffix(".ssdhstate")).digests.solverstate == file_digest(
            state
        )
        assert read_weights(tmp_path / read_solver_state(state).learned_net).layers
    last = read_solver_state(states[-1]).iteration
    assert last >= 20
    resumed = Runner(tmp_path).run(
        write_solver(tmp_path, max_iter=last + 1), snapshot=str(states[-1])
    )
    assert resumed.all(events.LogWarning) == []
    assert losses(resumed.events, 0)[0][0] == last


def test_the_check_of_a_prefix_leaves_nothing_that_a_kill_could_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its trial file has a name that the next run removes, whenever the process is killed."""
    monkeypatch.setattr(os, "unlink", lambda _: None)
    SnapshotPlace(tmp_path, "snap").check(Location("solver.prototxt"))
    monkeypatch.undo()
    assert len(list(tmp_path.iterdir())) == 1
    SnapshotPlace(tmp_path, "snap").check(Location("solver.prototxt"))
    assert list(tmp_path.iterdir()) == []
