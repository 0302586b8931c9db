import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ssdh_surgery.engines import events
from ssdh_surgery.engines.caffe_binary.binary_trainer import BinaryTrainer, command, shell_line
from ssdh_surgery.engines.trainer import TrainJob
from ssdh_surgery.errors import EngineError, FileError
from support.paths import STAND_IN_CAFFE
from support.processes import running

pytestmark = pytest.mark.usefixtures("default_signals")

ENDLESS = {"max_iter": 10**6, "seconds": 0.01, "snapshot_prefix": "snap"}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_caffe_on_path(monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert shutil.which("caffe") is None


def job(**fields):
    return TrainJob(**{"solver": "solver.prototxt", "cwd": Path(), "log": Path("c.log"), **fields})


def write_solver(**fields):
    lines = {"max_iter": 3, "snapshot_prefix": "snap", **fields}
    Path("solver.prototxt").write_text("".join(f"{k}: {v}\n" for k, v in lines.items()))


def run(one_job, executable=STAND_IN_CAFFE, act=lambda event: None):
    """All events of a run; `act` sees each as it comes."""
    seen = []
    with contextlib.closing(BinaryTrainer(executable.absolute()).run(one_job)) as found:
        for event in found:
            seen.append(event)
            act(event)
    return seen


def signals_in(log):
    return [line.split()[1] for line in log.read_text().splitlines() if line[:7] == "signal "]


def at_iteration(number, act):
    """Act once, at the first iteration line of that number or above."""
    done = []

    def see(event):
        if isinstance(event, events.Iteration) and event.iteration >= number and not done:
            done.append(event)
            act()

    return see


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


# The command line


README_LINE = "caffe train --solver=solver_ssdh.prototxt -weights googlenet.caffemodel -gpu 1"


def readme_job():
    return job(solver="solver_ssdh.prototxt", weights="googlenet.caffemodel", gpu="1")


def test_the_readmes_line_without_caffe(here, no_caffe_on_path):
    assert shell_line(command(readme_job()), Path()) == README_LINE


def test_the_readmes_line_with_caffe_on_path(here, monkeypatch):
    (here / "bin").mkdir()
    on_path = here / "bin" / "caffe"
    on_path.symlink_to(STAND_IN_CAFFE)
    monkeypatch.setenv("PATH", f"{here / 'bin'}:/usr/bin:/bin")
    assert shell_line(command(readme_job(), on_path), here) == README_LINE
    assert shell_line(command(readme_job(), STAND_IN_CAFFE), here) == README_LINE  # the same file


def test_another_executable_is_named_by_its_path(here, no_caffe_on_path):
    assert command(readme_job(), Path("/opt/my caffe/caffe"))[0] == "/opt/my caffe/caffe"
    line = shell_line(command(readme_job(), Path("/opt/my caffe/caffe")), here)
    assert line == README_LINE.replace("caffe train", "'/opt/my caffe/caffe' train")


def test_all_flags(here, no_caffe_on_path):
    extra = ("--sighup_effect=none", "-level", "2")
    argv = command(job(snapshot="s_iter_10.solverstate", gpu="0,1", extra=extra))
    assert argv == [
        "caffe",
        "train",
        "--solver=solver.prototxt",
        "-snapshot",
        "s_iter_10.solverstate",
        "-gpu",
        "0,1",
        "--sighup_effect=none",
        "-level",
        "2",
    ]


def test_paths_stay_as_given_in_the_current_directory(here, no_caffe_on_path):
    argv = command(job(solver="./a/../s.prototxt", weights="w/1.caffemodel,/w/2.caffemodel"))
    assert argv[2:] == [
        "--solver=./a/../s.prototxt",
        "-weights",
        "w/1.caffemodel,/w/2.caffemodel",
    ]


def test_paths_are_made_relative_to_another_directory(here, no_caffe_on_path):
    (here / "models" / "net").mkdir(parents=True)
    one = job(
        solver="models/net/s.prototxt",
        weights="w 1.caffemodel,/w/2.caffemodel",
        cwd=here / "models",
    )
    assert command(one)[2:] == [
        "--solver=net/s.prototxt",
        "-weights",
        "../w 1.caffemodel,/w/2.caffemodel",
    ]
    assert shell_line(command(one), one.cwd) == (
        f"cd {here}/models && caffe train --solver=net/s.prototxt -weights "
        "'../w 1.caffemodel,/w/2.caffemodel'"
    )


def test_relative_paths_through_links(here, no_caffe_on_path):
    # `..` of a linked folder is not where the link is.
    (here / "far" / "away").mkdir(parents=True)
    (here / "near").symlink_to("far/away")
    (here / "s.prototxt").symlink_to("far/other.prototxt")
    argv = command(job(solver="s.prototxt", snapshot="near/x.solverstate", cwd=here / "near"))
    assert argv[2:] == ["--solver=../../s.prototxt", "-snapshot", "x.solverstate"]


# A run


def test_a_run_from_start_to_end(here):
    write_solver()
    seen = run(job(weights="w.caffemodel", gpu="0"))
    assert [type(event).__name__ for event in seen] == [
        "RunStart",
        "WeightsLoad",
        "TrainingStart",
        "Iteration",
        "Iteration",
        "Iteration",
        "Snapshot",
        "TrainingEnd",
        "RunExit",
    ]
    argv = (str(STAND_IN_CAFFE), "train", "--solver=solver.prototxt", "-weights", "w.caffemodel")
    assert seen[0].command == (*argv, "-gpu", "0")
    assert seen[-1].code == 0
    assert not seen[-1].is_interrupted


def test_the_log_is_all_that_caffe_said(here):
    write_solver()
    run(job(gpu="0", extra=("--level", "1")))
    lines = Path("c.log").read_text().splitlines()
    assert lines[:2] == [
        "environment PCI_BUS_ID None",
        "arguments train --solver=solver.prototxt -gpu 0 --level 1",
    ]
    assert lines[-1].endswith("] Optimization Done.")


def test_a_silenced_glog_is_heard(here, monkeypatch):
    monkeypatch.setenv("GLOG_minloglevel", "2")
    write_solver()
    run(job())
    assert Path("c.log").read_text().startswith("environment PCI_BUS_ID None\n")


def test_the_run_is_in_its_own_folder(here):
    (here / "sub").mkdir()
    write_solver()
    run(job(cwd=here / "sub"))
    assert (here / "sub" / "snap_iter_3.solverstate").exists()
    assert (here / "c.log").exists()


def test_events_come_while_caffe_runs(here):
    write_solver(seconds=0.2)
    started = []
    run(job(), act=at_iteration(0, lambda: started.append(time.monotonic())))
    assert time.monotonic() - started[0] > 0.3


def test_a_log_is_never_written_over(here):
    write_solver()
    Path("c.log").write_text("an earlier run")
    with pytest.raises(FileError) as caught:
        run(job())
    assert str(caught.value) == "c.log: cannot write the log: a file of that name exists"
    assert Path("c.log").read_text() == "an earlier run"


def test_a_failure_is_explained(here):
    write_solver(fail_at=1)
    with pytest.raises(EngineError) as caught:
        run(job())
    lines = Path("c.log").read_text().splitlines()
    column = lines[-1].index("mdb_status") + 1
    assert str(caught.value).splitlines()[0] == (
        f"c.log:{len(lines)}:{column}: the LMDB of a data layer cannot be read: Input/output "
        "error; caffe ended with exit code 134 (SIGABRT)"
    )


@pytest.mark.parametrize("weights", [None, "w.caffemodel"])
def test_weights_that_caffe_forgets_are_missed(here, weights):
    executable = here / "forgetful"
    executable.write_text(STAND_IN_CAFFE.read_text().replace("Finetuning from", "forgotten:"))
    executable.chmod(0o755)
    write_solver()
    seen = run(job(weights=weights), executable)
    warnings = [event for event in seen if isinstance(event, events.LogWarning)]
    assert [warning.message for warning in warnings] == [
        "caffe did not log that it loads the weights passed to it: it may be training from "
        "random weights"
    ][: 1 if weights else 0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("#!/no/such/interpreter\n", "its interpreter or dynamic loader is missing"),
        ("no program", "Exec format error\nhint: it was built for another architecture, or is a "
         "script without a #! line"),
    ],
)  # fmt: skip
def test_an_executable_that_does_not_start(here, content, reason):
    (here / "caffe").write_text(content)
    (here / "caffe").chmod(0o755)
    with pytest.raises(EngineError) as caught:
        run(job(), here / "caffe")
    assert str(caught.value) == f"cannot start {here}/caffe: {reason}"


def test_a_missing_folder_to_run_in(here):
    with pytest.raises(EngineError) as caught:
        run(job(cwd=here / "absent"))
    assert str(caught.value) == (
        f"cannot start {STAND_IN_CAFFE}: there is no folder {here}/absent to run it in"
    )


# Stopping


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_stops_with_a_snapshot(here, number):
    write_solver(**ENDLESS)
    seen = run(job(), act=at_iteration(2, lambda: os.kill(os.getpid(), number)))
    assert sum(isinstance(event, events.StopRequest) for event in seen) == 1
    assert [type(event).__name__ for event in seen[-3:]] == ["Snapshot", "TrainingEnd", "RunExit"]
    assert Path(seen[-3].state).exists()
    assert seen[-1] == events.RunExit(0, is_interrupted=True, elapsed=seen[-1].elapsed)
    assert signals_in(Path("c.log")) == ["SIGINT"]


def test_without_snapshot_after_train_sighup_comes_first(here):
    write_solver(**ENDLESS, snapshot_after_train="false")
    seen = run(job(snapshot_after_train=False), act=at_iteration(2, interrupt))
    assert [type(event).__name__ for event in seen[-2:]] == ["TrainingEnd", "RunExit"]
    assert len([event for event in seen if isinstance(event, events.Snapshot)]) == 1
    assert signals_in(Path("c.log")) == ["SIGHUP", "SIGINT"]
    assert seen[-1].is_interrupted


def test_a_second_interrupt_kills(here):
    write_solver(**{**ENDLESS, "seconds": 30})

    def act(event):
        if isinstance(event, events.Iteration | events.StopRequest):
            interrupt()

    seen = run(job(), act=act)
    assert [event for event in seen if isinstance(event, events.StopRequest)] == [
        events.StopRequest(elapsed=seen[-1].elapsed),
        events.StopRequest(is_killed=True, elapsed=seen[-1].elapsed),
    ]
    assert seen[-1] == events.RunExit(
        137, is_interrupted=True, is_killed=True, elapsed=seen[-1].elapsed
    )
    assert signals_in(Path("c.log")) == ["SIGINT"]


def test_an_interrupt_before_caffe_can_handle_it(here):
    write_solver(**ENDLESS, start_seconds=30)

    def act(event):
        if isinstance(event, events.RunStart):
            while "arguments" not in Path("c.log").read_text():
                time.sleep(0.01)
            interrupt()

    seen = run(job(), act=act)
    assert [type(event).__name__ for event in seen] == ["RunStart", "StopRequest", "RunExit"]
    assert (seen[-1].code, seen[-1].is_interrupted) == (130, True)


def test_an_interrupt_that_comes_too_late_changes_nothing(here):
    write_solver(max_iter=1)

    def act(event):
        if isinstance(event, events.TrainingEnd):
            interrupt()

    last = run(job(), act=act)[-1]
    # It may come when caffe no longer handles it: the work is done all the same.
    assert last.code in (0, 130)
    assert not last.is_interrupted


def test_someone_else_stops_caffe(here):
    write_solver(**ENDLESS)
    pids = []

    def act(event):
        if isinstance(event, events.RunStart):
            pids.append(event.pid)
        elif isinstance(event, events.Iteration) and event.iteration == 1:
            os.kill(pids[0], signal.SIGINT)

    *_, finished, last = run(job(), act=act)
    assert finished.is_early
    assert (last.code, last.is_interrupted) == (0, False)


def test_killed_by_someone_else_is_a_failure(here):
    write_solver(**ENDLESS)
    pids = []

    def act(event):
        if isinstance(event, events.RunStart):
            pids.append(event.pid)
        elif isinstance(event, events.Iteration) and event.iteration == 1:
            os.kill(pids[0], signal.SIGKILL)

    with pytest.raises(EngineError, match=r"^c\.log: caffe was killed; caffe ended with exit code"):
        run(job(), act=act)


@pytest.mark.parametrize("after_train", [True, False])
def test_who_leaves_stops_the_run(here, after_train):
    """And waits for its snapshot, whichever signals that takes."""
    write_solver(**ENDLESS, snapshot_after_train=str(after_train).lower())
    with contextlib.closing(
        BinaryTrainer(STAND_IN_CAFFE).run(job(snapshot_after_train=after_train))
    ) as found:
        pid = next(found).pid
        assert any(isinstance(event, events.Iteration) for event in found)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert len(list(here.glob("snap_iter_*.solverstate"))) == 1


def test_handlers_are_put_back(here):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    write_solver()
    run(job())
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_what_is_ignored_stays_ignored(here):
    write_solver()
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        seen = run(job(), act=lambda event: os.kill(os.getpid(), signal.SIGHUP))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert not seen[-1].is_interrupted
    assert signals_in(Path("c.log")) == []


def test_another_thread_stops_by_hand(here):
    write_solver(**ENDLESS)
    trainer = BinaryTrainer(STAND_IN_CAFFE)
    seen = []

    def follow():
        for event in trainer.run(job()):
            seen.append(event)
            if isinstance(event, events.Iteration) and event.iteration == 1:
                trainer.stop()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert seen[-1].is_interrupted


DRIVER = """
import sys
from pathlib import Path
from ssdh_surgery.engines.trainer import TrainJob
from ssdh_surgery.engines.caffe_binary.binary_trainer import BinaryTrainer
job = TrainJob(solver="solver.prototxt", cwd=Path(), log=Path("c.log"))
for event in BinaryTrainer(Path(sys.argv[1])).run(job):
    print(type(event).__name__, flush=True)
"""


def test_the_terminals_interrupt_reaches_caffe_once(here):
    """Ctrl-C goes to every process of the foreground group; caffe is in none of ours."""
    write_solver(**ENDLESS)
    with running(
        [sys.executable, "-c", DRIVER, str(STAND_IN_CAFFE)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as driver:
        assert any(line == "Iteration\n" for line in driver.stdout)
        os.killpg(driver.pid, signal.SIGINT)
        rest = driver.stdout.read().split()
    assert driver.returncode == 0
    rest = [name for name in rest if name != "Iteration"]
    assert rest == ["StopRequest", "Snapshot", "TrainingEnd", "RunExit"]
    assert signals_in(here / "c.log") == ["SIGINT"]


def test_a_script_around_caffe(here):
    """The signals reach what the script starts, and the kill leaves nothing behind."""
    (here / "wrapper").write_text(f'#!/bin/sh\n{STAND_IN_CAFFE} "$@"\nexit $?\n')
    (here / "wrapper").chmod(0o755)
    write_solver(**{**ENDLESS, "seconds": 0.01})
    seen = run(job(), here / "wrapper", act=at_iteration(2, interrupt))
    assert any(isinstance(event, events.Snapshot) for event in seen)
    assert signals_in(Path("c.log")) == ["SIGINT"]
    assert seen[-1].is_interrupted


def test_a_script_that_leaves_caffe_behind(here):
    (here / "wrapper").write_text(f'#!/bin/sh\n{STAND_IN_CAFFE} "$@" &\nsleep 0.3\nexit 0\n')
    (here / "wrapper").chmod(0o755)
    write_solver(**ENDLESS)
    with pytest.raises(EngineError) as caught:
        run(job(), here / "wrapper")
    assert caught.value.message.startswith("caffe ended prematurely")
    written = Path("c.log").stat().st_size
    time.sleep(0.1)
    assert Path("c.log").stat().st_size == written


# An exit code of 0, and a log in other words


def other_words(here, *changes):
    """A caffe that logs otherwise: pairs of a text of the stand-in and another."""
    text = STAND_IN_CAFFE.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (here / "other_caffe").write_text(text)
    (here / "other_caffe").chmod(0o755)
    return here / "other_caffe"


NO_END = ('"Optimization Done."', '"all is done"')
NO_EARLY_END = ('"Optimization stopped early."', '"stopped"')
NO_SNAPSHOT_LINES = ('log(f"Snapshotting', 'f(f"Snapshotting'), ("GOT = []", "GOT, f = [], str")
NOTHING = ("    sys.stderr.write(f", "    str(f")


def full_job(**fields):
    return job(**{"prefix": Path("snap"), "max_iter": 3, "display": 1, **fields})


def types(seen):
    return [type(event).__name__ for event in seen]


@pytest.mark.parametrize(
    "changes",
    [[NO_END], [NO_END, *NO_SNAPSHOT_LINES], [NOTHING]],
    ids=["end", "end and snapshots", "everything"],
)
def test_what_the_log_does_not_say_the_disk_does(here, changes):
    write_solver()
    seen = run(full_job(), other_words(here, *changes))
    assert types(seen)[-2:] == ["TrainingEnd", "RunExit"]
    assert not seen[-2].is_early
    assert (seen[-1].code, seen[-1].is_interrupted) == (0, False)
    assert not [event for event in seen if isinstance(event, events.LogWarning)]


def test_a_snapshot_of_an_earlier_run_says_nothing(here):
    write_solver(snapshot_after_train="false", max_iter=1000)
    Path("snap_iter_1000.caffemodel").touch()
    caffe = other_words(here, NO_END, ('int(solver["max_iter"])', "2"))
    with pytest.raises(EngineError, match=r"^c\.log: caffe ended prematurely"):
        run(full_job(max_iter=1000), caffe)


def test_neither_log_nor_disk_tell_the_end(here):
    write_solver(snapshot_after_train="false")
    seen = run(full_job(), other_words(here, NOTHING))
    assert types(seen)[-3:] == ["LogWarning", "TrainingEnd", "RunExit"]
    assert seen[-3].message == "the log does not say that the training is complete"
    assert seen[-1].code == 0


def test_the_disk_tells_that_the_end_came_early(here):
    write_solver(**ENDLESS)
    caffe = other_words(here, NO_END, NO_EARLY_END, *NO_SNAPSHOT_LINES)
    seen = run(full_job(max_iter=10**6), caffe, act=at_iteration(2, interrupt))
    assert types(seen)[-2:] == ["TrainingEnd", "RunExit"]
    assert seen[-2].is_early
    assert seen[-1].is_interrupted


def test_a_snapshot_that_is_not_logged_is_awaited_all_the_same(here):
    """Without `snapshot_after_train`, SIGINT follows SIGHUP when the snapshot is there."""
    write_solver(**ENDLESS, snapshot_after_train="false")
    one = full_job(max_iter=10**6, snapshot_after_train=False)
    seen = run(one, other_words(here, *NO_SNAPSHOT_LINES), act=at_iteration(2, interrupt))
    assert seen[-1].is_interrupted
    assert signals_in(Path("c.log")) == ["SIGHUP", "SIGINT"]
    assert len(list(here.glob("snap_iter_*.solverstate"))) == 1


def test_a_script_that_hides_the_exit_code(here):
    """The log says why caffe failed, whatever the script around it returns."""
    (here / "wrapper").write_text(f'#!/bin/sh\n{STAND_IN_CAFFE} "$@"\nexit 0\n')
    (here / "wrapper").chmod(0o755)
    write_solver(fail_at=1)
    with pytest.raises(EngineError, match="the LMDB of a data layer cannot be read"):
        run(full_job(), here / "wrapper")
