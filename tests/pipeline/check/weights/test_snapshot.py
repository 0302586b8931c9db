"""Snapshots that cannot be resumed, and what real Caffe does with them."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery import files
from ssdh_surgery.caffe.weights.snapshot_digests import sidecar_path
from ssdh_surgery.caffe.weights.solverstate import (
    SolverState,
    read_solver_state,
    write_solver_state,
)
from ssdh_surgery.caffe.weights.weights import read_any_weights
from ssdh_surgery.engines.caffe_binary.executable import built_caffe
from ssdh_surgery.pipeline.check.target import Target
from support.caffe_runs import fatal
from support.job_with_weights import (
    NET,
    SOLVER,
    findings_of_job,
    texts_of_job,
    write_job,
    write_weights_of,
)

STATE, WEIGHTS = "run_iter_2.solverstate", "run_iter_2.caffemodel"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_job(tmp_path)
    write_snapshot()
    return tmp_path


def write_snapshot(state: str = STATE, weights: str = WEIGHTS, iteration: int = 2) -> None:
    """A snapshot of the job, as SGD writes it."""
    write_weights_of(NET, weights)
    history = [blob * 0 for layer in read_any_weights(weights).layers for blob in layer.blobs]
    write_solver_state(state, SolverState(iteration, weights, history))


def codes(snapshot: str = STATE, engine: str = "auto") -> list[str]:
    return [finding.code for finding in findings_of_job(snapshot=snapshot, target=Target(engine))]


def resumed(
    snapshot: str = STATE, solver: str = "solver.prototxt"
) -> subprocess.CompletedProcess[str]:
    """Caffe itself, resuming."""
    command = [str(built_caffe()), "train", f"--solver={solver}", f"--snapshot={snapshot}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_whole_snapshot_is_fine() -> None:
    assert codes() == []


@pytest.mark.caffe
def test_caffe_resumes_it() -> None:
    process = resumed()
    assert process.returncode == 0
    assert "Optimization Done" in process.stderr


@pytest.mark.parametrize("ending", ["", ".h5"])
def test_weights_as_a_snapshot(ending: str) -> None:
    weights, state = f"a_iter_2.caffemodel{ending}", f"a_iter_2.solverstate{ending}"
    write_weights_of(NET, weights)
    (text,) = texts_of_job(snapshot=weights)
    assert text == (
        f"{weights}: error SSDH406 snapshot-is-weights: {weights} holds weights, not a solver's "
        "state\nhint: to go on: --snapshot FILE.solverstate; to start anew from these weights: "
        f"--weights {weights}"
    )
    write_snapshot(state, weights)
    (text,) = texts_of_job(snapshot=weights)
    assert text.endswith(
        f"to go on: --snapshot {state} (it stands beside); to start anew from these weights: "
        f"--weights {weights}"
    )


@pytest.mark.caffe
def test_caffe_stops_at_weights_as_a_snapshot() -> None:
    assert fatal(resumed(WEIGHTS))[0].endswith("Incorrect length of history blobs.")


@pytest.mark.caffe
def test_caffe_stops_at_a_state_as_weights() -> None:
    command = [str(built_caffe()), "train", "--solver=solver.prototxt", f"--weights={STATE}"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode != 0
    assert "Failed to parse NetParameter file" in fatal(process)[0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"net: 'x'\n", "is text, not a solver's state"),
        (b"\x08\x02\x12\x7f", "is truncated, or not a solverstate"),
        (b"\x89HDF\r\n\x1a\n", "is truncated or damaged: "),
    ],
)
def test_files_that_hold_no_state(data: bytes, message: str) -> None:
    Path("x").write_bytes(data)
    (finding,) = findings_of_job(snapshot="x")
    assert finding.name == "unreadable-snapshot"
    assert finding.code == "SSDH408"
    assert finding.message.startswith(message)


@pytest.mark.parametrize(
    ("content", "name"),
    [("x.solverstate", "x.solverstate.h5"), ("y.solverstate.h5", "y.solverstate")],
)
def test_a_name_of_the_other_form(content: str, name: str) -> None:
    weights = "w.caffemodel.h5" if content.endswith(".h5") else "w.caffemodel"
    write_snapshot(content, weights)
    assert codes(content) == []
    Path(content).rename(name)
    (finding,) = findings_of_job(snapshot=name)
    assert (finding.code, finding.name) == ("SSDH409", "snapshot-name")
    assert finding.hint == f"mv {name} {content}"
    assert codes(name, "torch") == []


@pytest.mark.caffe
def test_caffe_reads_a_state_by_its_name() -> None:
    Path(STATE).rename(f"{STATE}.h5")
    assert fatal(resumed(f"{STATE}.h5"))
    write_snapshot("y.solverstate.h5", "w.caffemodel.h5")
    Path("y.solverstate.h5").rename("y.solverstate")
    assert fatal(resumed("y.solverstate"))


def test_hdf5_weights_of_a_binary_state() -> None:
    write_snapshot(STATE, "w.caffemodel.h5")
    (finding,) = findings_of_job(snapshot=STATE)
    assert finding.code == "SSDH409"
    assert finding.hint == "start from them: --weights w.caffemodel.h5"


@pytest.mark.parametrize(
    ("kind", "fits"),
    [("SGD", True), ("Nesterov", True), ("Adam", False), ("AdaDelta", False)],
)
def test_another_solver_type(folder: Path, kind: str, fits: bool) -> None:
    (folder / "solver.prototxt").write_text(SOLVER + f'type: "{kind}"\n')
    if fits:
        assert codes() == []
        return
    assert texts_of_job(snapshot=STATE) == [
        f"{STATE}: error SSDH410 other-solver-type: {STATE} belongs to another solver type or net: "
        f"it has 6 history blobs, but {kind} has 12 for this net\n"
        'hint: resume with type: "SGD" or "Nesterov" or "AdaGrad" or "RMSProp", or start from the '
        "weights alone (--weights)"
    ]
    state = read_solver_state(STATE)
    write_solver_state(STATE, replace(state, history=[*state.history, *state.history]))
    assert codes() == []
    (folder / "solver.prototxt").write_text(SOLVER)
    (finding,) = findings_of_job(snapshot=STATE)
    assert finding.hint is not None
    assert finding.hint.startswith('resume with type: "AdaDelta" or "Adam"')


@pytest.mark.caffe
def test_caffe_stops_at_another_solver_type(folder: Path) -> None:
    (folder / "solver.prototxt").write_text(SOLVER + 'type: "Adam"\n')
    assert fatal(resumed())[0].endswith("Incorrect length of history blobs.")


def test_another_net(folder: Path) -> None:
    net = folder / "net.prototxt"
    net.write_text(NET.replace("num_output: 5", "num_output: 7"))
    findings = findings_of_job(snapshot=STATE)
    assert [finding.code for finding in findings] == ["SSDH411", "SSDH404", "SSDH404"]
    assert findings[0].message == (
        f"{STATE} belongs to another net: history blob 2 is 5x108, but the param is 7x108"
    )
    assert findings[1].hint == "resume with the net that it was trained with"
    # One layer less: the type of the solver is not to blame.
    net.write_text(NET.replace("num_output: 5", "num_output: 5 bias_term: false"))
    findings = findings_of_job(snapshot=STATE)
    assert findings[0].name == "snapshot-of-another-net"
    assert "it has 6 history blobs, but SGD has 5 for this net" in findings[0].message


def test_a_run_at_its_end(folder: Path) -> None:
    (folder / "solver.prototxt").write_text(SOLVER.replace("max_iter: 4", "max_iter: 2"))
    assert texts_of_job(snapshot=STATE) == [
        f"solver.prototxt:1:78: error SSDH412 nothing-left: {STATE} is at iteration 2 of 2: "
        "nothing is left to train\nhint: --iterations 4 goes on"
    ]
    (folder / "solver.prototxt").write_text(SOLVER.replace("max_iter: 4", "max_iter: 3"))
    assert codes() == []


def test_weights_that_are_gone_or_elsewhere() -> None:
    Path("old").mkdir()
    Path("gone").mkdir()
    write_snapshot("old/x_iter_2.solverstate", "gone/x_iter_2.caffemodel")
    Path("gone/x_iter_2.caffemodel").rename("old/x_iter_2.caffemodel")
    Path("gone").rmdir()
    (finding,) = findings_of_job(snapshot="old/x_iter_2.solverstate")
    assert (finding.code, finding.name) == ("SSDH413", "no-snapshot-weights")
    assert finding.message == (
        "the weights of old/x_iter_2.solverstate do not exist: 'gone/x_iter_2.caffemodel', as seen "
        "from caffe's working directory ."
    )
    command = finding.hint.removeprefix("it stands beside the snapshot: ") if finding.hint else ""
    # The embedded engine takes those beside the state.
    assert codes("old/x_iter_2.solverstate", "torch") == []
    subprocess.run(command, shell=True, check=True)
    assert codes("old/x_iter_2.solverstate") == []
    shutil.rmtree("gone")
    Path("old/x_iter_2.caffemodel").unlink()
    for engine in ("auto", "torch"):
        (finding,) = findings_of_job(snapshot="old/x_iter_2.solverstate", target=Target(engine))
        assert (finding.code, finding.hint) == ("SSDH413", "resume from another snapshot")


def test_a_state_that_names_no_weights() -> None:
    write_solver_state(STATE, replace(read_solver_state(STATE), learned_net=""))
    (finding,) = findings_of_job(snapshot=STATE)
    assert finding.code == "SSDH413"
    assert "names no weights" in finding.message


def test_weights_that_were_replaced() -> None:
    content = {"solverstate": files.file_digest(STATE), "weights": files.file_digest(WEIGHTS)}
    sidecar_path(Path(STATE)).write_text(json.dumps(content))
    assert codes() == []
    write_weights_of(NET, WEIGHTS, fill=0.2)
    (finding,) = findings_of_job(snapshot=STATE)
    assert (finding.code, finding.name) == ("SSDH414", "other-snapshot-weights")
    assert finding.message.startswith(f"{WEIGHTS} was replaced since")


def test_a_snapshot_of_a_run_that_diverged() -> None:
    write_weights_of(NET, WEIGHTS, fill=float("nan"))
    assert codes() == ["SSDH415"]
    state = read_solver_state(STATE)
    history = [blob + np.float32(np.inf) for blob in state.history]
    write_solver_state(STATE, replace(state, history=history))
    first, second = findings_of_job(snapshot=STATE)
    assert first.message == (f"the history of {STATE} holds 599 values that are nan or infinite")
    assert second.message == f"{WEIGHTS} holds 599 nan in 3 layers: 'conv1', 'fc6', 'fc8'"


def test_weights_of_a_snapshot_that_are_damaged() -> None:
    Path(WEIGHTS).write_bytes(Path(WEIGHTS).read_bytes()[:-5])
    assert codes() == ["SSDH402"]
