"""`ssdh runs` and runs in the background, with the embedded engine and with real processes."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ssdh_surgery
from support.command_line import Ssdh
from support.processes import running
from support.training import write_all

pytestmark = pytest.mark.usefixtures("default_signals")

SLOW = """net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 1000000 display: 1000
snapshot_prefix: "slow" solver_mode: CPU random_seed: 1
"""
PROGRAM = (sys.executable, "-m", "ssdh_surgery")
LOG = "\n".join(
    f"I1201 10:00:0{second}.000000  7 solver.cpp:1] {text}"
    for second, text in (
        (0, "Solving small"),
        (1, "Iteration 0, loss = 2"),
        (2, "Iteration 100, loss = 1"),
        (3, "Iteration 100, Testing net (#0)"),
        (4, "    Test net output #0: accuracy = 0.75"),
    )
)
END = "I1201 10:00:05.000000  7 solver.cpp:1] Optimization Done."


@pytest.fixture
def here(tmp_path: Path) -> Path:
    write_all(tmp_path)
    (tmp_path / "slow.prototxt").write_text(SLOW)
    return tmp_path


def record(run: str) -> dict[str, object]:
    values: dict[str, object] = json.loads(Path("runs", run, "run.json").read_text())
    return values


def wait(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.05)


def state(ssdh: Ssdh, run: str) -> str:
    return str(ssdh("runs", "show", run, "--json").json["run"]["state"])


@pytest.fixture
def slow_run(here: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run of the embedded engine that would take very long, past its first iteration."""
    command = [*PROGRAM, "train", "slow.prototxt", "--engine", "torch", "--no-check"]
    with running(command, cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        log = here / "runs/slow-1/train.log"
        wait(lambda: log.exists() and "Iteration 0" in log.read_text())
        yield run
        run.kill()


def test_the_record_holds_what_was_started_and_how_it_ended(
    ssdh: Ssdh, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOG_secretless", "1")
    monkeypatch.setenv("TOKEN", "do not tell")
    ssdh("train", "solver.prototxt", "--engine", "torch")
    values = record("solver-1")
    assert values["versions"] | {"python": "", "torch": ""} == {  # type: ignore[operator]
        "ssdh": ssdh_surgery.__version__,
        "python": "",
        "torch": "",
        "caffe": None,
    }
    assert values["environment"]["GLOG_secretless"] == "1"  # type: ignore[index]
    assert "do not tell" not in json.dumps(values)
    digest = hashlib.sha256((here / "net.prototxt").read_bytes()).hexdigest()
    assert values["sha256"][str(here / "net.prototxt")] == digest  # type: ignore[index]
    size = sum(path.stat().st_size for path in (here / "records").iterdir())
    assert [(each["path"], each["size"]) for each in values["sources"]] == [  # type: ignore[attr-defined]
        (str(here / "records"), size)
    ]
    end = values["exit"]
    assert isinstance(end, dict)
    assert (end["how"], end["code"], end["iteration"]) == ("done", 0, 6)


def test_runs_are_listed_with_state_and_iteration(ssdh: Ssdh, here: Path) -> None:
    assert "no runs in runs: ssdh train starts one\n" in ssdh("runs").err
    ssdh("train", "solver.prototxt", "--engine", "torch")
    ssdh("train", "solver.prototxt", "--engine", "torch", "--iterations", "3", "--force")
    lines = ssdh("runs").out.splitlines()
    assert lines[0].split() == ["name", "state", "iteration", "accuracy", "time", "started"]
    assert [line.split()[:5] for line in lines[1:]] == [
        ["solver-1", "done", "6", "of", "6"],
        ["solver-2", "done", "3", "of", "3"],
    ]
    assert ssdh("runs", "list", "--json").json == ssdh("runs", "--json").json


def test_the_record_of_an_older_version_is_read(ssdh: Ssdh, here: Path) -> None:
    ssdh("train", "solver.prototxt", "--engine", "torch")
    path = Path("runs/solver-1/run.json")
    old = dict(list(record("solver-1").items())[:8])
    path.write_text(json.dumps(old))
    run = ssdh("runs", "--json").json["runs"][0]
    assert (run["state"], run["iteration"], run["max_iter"]) == ("done", 6, None)


def test_a_failed_run(ssdh: Ssdh, here: Path) -> None:
    (here / "failing").write_text("#!/bin/sh\necho 'F1201 10:00:00.0 7 x.cpp:1] no'; exit 1\n")
    (here / "failing").chmod(0o755)
    ssdh("train", "solver.prototxt", "--engine", "binary", "--caffe", "./failing", code=3)
    end = record("solver-1")["exit"]
    assert isinstance(end, dict)
    assert (end["how"], end["code"]) == ("failed", 3)
    assert state(ssdh, "solver-1") == "failed"


def test_a_run_is_shown_followed_and_stopped_by_its_name(
    ssdh: Ssdh, here: Path, slow_run: subprocess.Popen[bytes]
) -> None:
    assert state(ssdh, "slow-1") == "running"
    assert f"process: {slow_run.pid} on " in ssdh("runs", "show", "slow-1").out
    stopped = ssdh("runs", "stop", "slow-1")
    assert stopped.out == f"run slow-1, process {slow_run.pid}, writes a snapshot and stops\n"
    followed = ssdh("runs", "follow", "slow-1")
    assert "run 1 of runs/slow-1/train.log, small: stopped early\n" in followed.out
    assert slow_run.wait() == 130
    assert state(ssdh, "slow-1") == "stopped"
    assert list(here.glob("slow_iter_*.solverstate"))
    ran = ssdh("runs", "stop", "slow-1", code=3)
    assert ran.err == "error: run slow-1 does not run: its state is stopped\n"


def test_a_second_run_of_a_prefix_is_refused_while_the_first_lives(
    ssdh: Ssdh, here: Path, slow_run: subprocess.Popen[bytes]
) -> None:
    words = ("train", "slow.prototxt", "--engine", "torch", "--iterations", "2")
    ran = ssdh(*words, code=3)
    assert ran.err.startswith(
        f"slow: run slow-1, process {slow_run.pid}, is writing snapshots of this prefix: "
    )
    ssdh(*words, "--force")
    slow_run.kill()
    slow_run.wait()
    assert state(ssdh, "slow-1") == "killed"
    assert (here / ".slow.ssdh-run").exists()
    for each in here.glob("slow_iter_*"):
        each.unlink()
    ssdh(*words)  # the lock of a killed run is free
    assert not (here / ".slow.ssdh-run").exists()


def test_the_engine_that_outlives_ssdh_still_holds_the_prefix(ssdh: Ssdh, here: Path) -> None:
    (here / "patient").write_text(
        "#!/bin/sh\necho 'I1201 10:00:00.000000 7 solver.cpp:1] Solving x'\nexec sleep 200\n"
    )
    (here / "patient").chmod(0o755)
    words = ["train", "slow.prototxt", "--engine", "binary", "--caffe", "./patient", "--no-check"]
    with running(
        [*PROGRAM, *words], cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        wait(lambda: Path("runs/slow-1/run.json").exists() and record("slow-1")["engine_process"])
        run.kill()
    engine = record("slow-1")["engine_process"]["pid"]  # type: ignore[index]
    assert state(ssdh, "slow-1") == "running"
    assert f"run slow-1, process {engine}, is writing" in ssdh(*words, code=3).err
    ssdh("runs", "stop", "slow-1")
    wait(lambda: state(ssdh, "slow-1") == "killed")


def test_a_log_written_by_hand_is_adopted_where_it_lies(ssdh: Ssdh, here: Path) -> None:
    log = here / "by hand.log"
    log.write_text(f"{LOG}\n")
    assert ssdh("runs", "adopt", log).out == "run by hand-1\n"
    assert ssdh("runs", "adopt", log).out == "run by hand-1 has this log already\n"
    with open(log, "a") as file:
        run = ssdh("runs", "--json").json["runs"][0]
        assert (run["state"], run["iteration"], run["accuracy"]) == ("running", 100, 0.75)
        assert "started without ssdh" in ssdh("runs", "stop", "by hand-1", code=3).err
        print(END, file=file)
    assert state(ssdh, "by hand-1") == "done"
    assert "accuracy 0.75" in ssdh("runs", "follow", "by hand-1").out
    log.write_text(f"{LOG}\n")
    assert state(ssdh, "by hand-1") == "killed"
    assert "run 1 of by hand.log" in ssdh("runs", "follow", "by hand-1").out


def test_what_is_no_log_is_not_adopted(ssdh: Ssdh, here: Path) -> None:
    assert "no run of Caffe is in this log" in ssdh("runs", "adopt", "net.prototxt", code=3).err
    ssdh("runs", "adopt", "none.log", code=3)
    assert not Path("runs").exists()


def test_a_name_that_no_run_has(ssdh: Ssdh, here: Path) -> None:
    ssdh("train", "solver.prototxt", "--engine", "torch")
    ran = ssdh("runs", "show", "solver-2", code=2)
    assert ran.err.startswith("error: no run is called 'solver-2'\nhint: ")


@pytest.mark.parametrize("program", ["torch", pytest.param("binary", marks=pytest.mark.caffe)])
def test_a_run_in_the_background_outlives_its_terminal(
    ssdh: Ssdh, here: Path, program: str, request: pytest.FixtureRequest
) -> None:
    words = ["train", "slow.prototxt", "--engine", program, "--no-check", "--detach"]
    if program == "binary":
        words += ["--caffe", str(request.getfixturevalue("caffe"))]
    leader, terminal = pty.fork()
    if leader == 0:
        os.chdir(here)
        os.execv("/bin/sh", ["sh", "-c", f"{' '.join(PROGRAM)} {' '.join(words)}; sleep 200"])
    wait(lambda: b"goes on in the background" in os.read(terminal, 10_000))
    log = here / "runs/slow-1/train.log"
    wait(lambda: log.exists() and "Iteration 0" in log.read_text())
    os.kill(leader, signal.SIGKILL)
    os.waitpid(leader, 0)
    os.close(terminal)  # SIGHUP for all that the terminal has
    length = log.stat().st_size
    wait(lambda: log.stat().st_size > length)
    assert "running" in ssdh("train", "slow.prototxt", "--status").out.splitlines()[0]
    ssdh("train", "slow.prototxt", "--stop")
    assert "stopped early" in ssdh("train", "slow.prototxt", "--follow").out
    wait(lambda: state(ssdh, "slow-1") == "stopped")
    assert "to resume: ssdh train" in (here / "runs/slow-1/console.log").read_text()


def test_what_stops_a_run_before_it_begins_is_said_in_the_terminal(here: Path) -> None:
    ran = subprocess.run(
        [*PROGRAM, "train", "none.prototxt", "--detach"],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 3
    assert ran.stderr.startswith("none.prototxt: cannot read: no such file")


def test_a_solver_without_runs(ssdh: Ssdh, here: Path) -> None:
    ran = ssdh("train", "slow.prototxt", "--status", code=2)
    assert ran.err.startswith("error: slow.prototxt has no run yet\n")


@pytest.mark.parametrize("program", ["torch", pytest.param("binary", marks=pytest.mark.caffe)])
def test_the_newest_snapshots_are_kept_and_those_of_others(
    ssdh: Ssdh, here: Path, program: str, request: pytest.FixtureRequest
) -> None:
    words = ["train", "solver.prototxt", "--engine", program, "--no-check"]
    if program == "binary":
        words += ["--caffe", str(request.getfixturevalue("caffe"))]
    solver = here / "solver.prototxt"
    solver.write_text(solver.read_text() + "snapshot: 2\n")
    ssdh(*words, "--iterations", "2")
    solver.write_text(solver.read_text().replace("max_iter: 6", "max_iter: 12"))
    ssdh(*words, "--resume", "--keep", "2")
    states = sorted(path.name for path in here.glob("snap_iter_*.solverstate"))
    assert states == [f"snap_iter_{each}.solverstate" for each in (10, 12, 2)]
    weights = sorted(path.name for path in here.glob("snap_iter_*.caffemodel"))
    assert weights == [f"snap_iter_{each}.caffemodel" for each in (10, 12, 2)]
    assert len(list(here.glob("snap_iter_*.ssdhstate"))) in (0, 3)
