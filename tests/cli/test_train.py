"""`ssdh train` as a user meets it: the printed line, missing things, signals, resuming."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.command_line import Ssdh
from support.processes import running

pytestmark = pytest.mark.usefixtures("default_signals")

NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 }
    data_filler { type: "gaussian" std: 1 } data_filler { type: "constant" value: 1 } } }
layer { name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""
SOLVER = """
net: "net.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 20 display: 10
snapshot_prefix: "run" solver_mode: CPU random_seed: 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    return tmp_path


@pytest.fixture
def patched(ssdh: Ssdh, tmp_path: Path) -> Path:
    ssdh("zoo", "write", "googlenet")
    ssdh("patch", "train_val.prototxt")
    return tmp_path


def test_the_readmes_command_word_for_word(ssdh: Ssdh, patched: Path) -> None:
    ran = ssdh("train", "--gpu", "1", "--weights", "googlenet.caffemodel", "--dry-run")
    assert ran.out == (
        "caffe train --solver=solver_ssdh.prototxt -weights googlenet.caffemodel -gpu 1\n"
    )
    assert "googlenet.caffemodel: no such file (--weights)" in ran.err
    assert "examples/imagenet/ilsvrc12_train_lmdb" in ran.err
    assert not (patched / "runs").exists()


def test_from_another_folder_the_line_goes_to_the_directory_that_caffe_needs(
    ssdh: Ssdh, patched: Path
) -> None:
    below = patched / "below"
    below.mkdir()
    (below / "w.caffemodel").write_bytes(b"")
    ran = ssdh("-C", below, "train", "--weights", "w.caffemodel", "--dry-run", "--", "-level", "1")
    assert ran.out == (
        f"cd {patched} && caffe train --solver=solver_ssdh.prototxt "
        "-weights below/w.caffemodel -level 1\n"
    )


def test_the_bvlc_layout_runs_from_the_root_that_its_paths_start_at(
    ssdh: Ssdh, patched: Path
) -> None:
    root = patched / "root"
    models = root / "models" / "googlenet"
    models.mkdir(parents=True)
    for name in ("train_val", "solver"):
        shutil.copy(patched / f"{name}.prototxt", models)
    solver = models / "solver.prototxt"
    solver.write_text(solver.read_text().replace('"train_val', '"models/googlenet/train_val'))
    ssdh("-C", models, "patch", "train_val.prototxt")
    ran = ssdh("-C", models, "train", "--gpu", "0", "--dry-run")
    assert ran.out == (
        f"cd {root} && caffe train --solver=models/googlenet/solver_ssdh.prototxt -gpu 0\n"
    )


def test_a_solver_whose_net_is_nowhere(ssdh: Ssdh, folder: Path) -> None:
    (folder / "solver.prototxt").write_text('net: "elsewhere/net.prototxt"\n')
    ran = ssdh("train", "--solver", "solver.prototxt", code=3)
    assert ran.err.startswith(
        "solver.prototxt:1:6: caffe looks up the paths in a solver from the directory that it runs "
        f"in, and none of these has a file 'elsewhere/net.prototxt':\n  {folder}\n"
    )
    assert ran.err.endswith(
        '  1 | net: "elsewhere/net.prototxt"\n'
        "    |      ^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "hint: correct the path: ssdh patch --set net=..., or edit the solver\n"
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ["--solver", "none.prototxt"],
            3,
            "none.prototxt: cannot read: no such file (--solver)\n",
        ),
        (
            ["--solver", "solver.prototxt", "--weights", "w.caffemodel"],
            3,
            "w.caffemodel: no such file (--weights)\n",
        ),
        (
            ["--solver", "solver.prototxt", "--snapshot", "s.solverstate"],
            3,
            "s.solverstate: no such file (--snapshot)\n",
        ),
        (
            ["--solver", "solver.prototxt", "--caffe", "no/caffe"],
            3,
            None,
        ),
        (
            ["--solver", "net.prototxt"],
            3,
            "net.prototxt: a solver is needed, but this is a train net\n",
        ),
        (
            ["--solver", "solver.prototxt", "--weights", "w", "--resume"],
            2,
            "error: --weights and a snapshot exclude each other: caffe takes one of them\n",
        ),
        (
            ["--solver", "solver.prototxt", "--resume"],
            3,
            None,
        ),
        ([], 2, None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_is_missing_is_told(
    ssdh: Ssdh, folder: Path, words: list[str], code: int, message: str | None
) -> None:
    ran = ssdh("train", *words, code=code)
    assert ran.err
    if message is not None:
        assert ran.err == message


def test_every_error_is_told_before_the_first_iteration(ssdh: Ssdh, folder: Path) -> None:
    text = NET.replace(
        'type: "DummyData" top: "data" top: "label"',
        'type: "Data" top: "data" top: "label" data_param { source: "no_lmdb" batch_size: 2 }',
    ).replace('bottom: "fc" bottom: "label"', 'bottom: "fc_" bottom: "label"')
    (folder / "net.prototxt").write_text(text)
    (folder / "solver.prototxt").write_text(SOLVER.replace('"run"', '"no/run"'))
    ran = ssdh("train", "--solver", "solver.prototxt", code=3)
    codes = re.findall(r"error (SSDH\d+) ([\w-]+)", ran.err)
    assert ("SSDH104", "no-database") in codes
    assert ("SSDH201", "unknown-bottom") in codes
    assert ("SSDH307", "no-snapshot-folder") in codes
    assert not (folder / "runs").exists()


def test_a_snapshot_folder_is_made_where_only_that_is_missing(ssdh: Ssdh, folder: Path) -> None:
    (folder / "solver.prototxt").write_text(SOLVER.replace('"run"', '"no/such/run"'))
    words = ("train", "solver.prototxt", "--engine", "torch")
    ran = ssdh(*words, "--dry-run")
    assert "SSDH307" not in ran.err
    assert ran.err.endswith("note: no/such would be created\n")
    assert not (folder / "no").exists()
    ssdh(*words)
    assert (folder / "no" / "such" / "run_iter_20.caffemodel").is_file()


def test_a_run_that_fails_after_a_snapshot_says_how_to_resume(ssdh: Ssdh, folder: Path) -> None:
    """Told by what is on the disk: the log does not name the snapshot."""
    ssdh("train", "solver.prototxt", "--engine", "torch", "--iterations", "5")
    for name in ("run_iter_5.caffemodel", "run_iter_5.solverstate"):
        (folder / name).rename(folder / name.replace("run", "saved"))
    caffe = folder / "failing_caffe"
    caffe.write_text(
        "#!/bin/sh\n"
        "for kind in caffemodel solverstate; do\n"
        "  cp saved_iter_5.$kind run_iter_5.$kind\n"
        "done\n"
        "echo 'F0101 10:00:00.000000 1 syncedmem.cpp:71] Check failed: out of memory' >&2\n"
        "exit 134\n"
    )
    caffe.chmod(0o755)
    ran = ssdh("train", "solver.prototxt", "--caffe", "./failing_caffe", code=3)
    assert (
        "to resume from the last snapshot: ssdh train --solver solver.prototxt --caffe "
        "./failing_caffe --snapshot run_iter_5.solverstate\n"
    ) in ran.err


def test_an_unclear_failure_names_what_the_checks_warned_of(ssdh: Ssdh, folder: Path) -> None:
    caffe = folder / "failing_caffe"
    caffe.write_text(
        "#!/bin/sh\n[ $1 = train ] || exit 0\n"
        "echo 'malloc(): invalid next size (unsorted)' >&2\nkill -ABRT $$\n"
    )
    caffe.chmod(0o755)
    (folder / "solver.prototxt").write_text(SOLVER + "snapshot_after_train: false\n")
    words = ("train", "solver.prototxt", "--caffe", "./failing_caffe")
    ran = ssdh(*words, code=3)
    assert "caffe wrote outside of its memory; caffe ended with exit code 134 (SIGABRT)" in ran.err
    assert "at the launch, the checks warned of SSDH" in ran.err
    assert "the log says:" not in ran.err
    ran = ssdh("-v", *words, "--no-check", code=3)
    assert "; the run was started without the checks: ssdh check may name the cause" in ran.err


@pytest.mark.parametrize("is_verbose", [False, True])
def test_the_raw_lines_of_a_failure_with_verbose(
    ssdh: Ssdh, folder: Path, is_verbose: bool
) -> None:
    caffe = folder / "failing_caffe"
    line = "F0101 10:00:00.000000 1 solver.cpp:1] Unknown learning rate policy: fixed"
    caffe.write_text(f"#!/bin/sh\n[ $1 = train ] || exit 0\necho '{line}' >&2\nexit 134\n")
    caffe.chmod(0o755)
    words = ("train", "solver.prototxt", "--caffe", "./failing_caffe")
    ran = ssdh(*(["-v"] if is_verbose else []), *words, code=3)
    assert "solver.prototxt:2:46: Caffe has no lr_policy 'fixed'" in ran.err
    assert (f"the log says:\n  | {line}\n" in ran.err) is is_verbose


NVCAFFE_LOG = """\
I0416 10:00:00.000001   160 solver.cpp:411] [0] Solving Tiny Learning Rate Policy: step
I0416 10:00:01.000001   160 solver.cpp:342]     [0] Iteration 0 (1.5 s), 0/10.2ep, loss = 1.4
I0416 10:00:02.000001   160 solver.cpp:337]     [0] Iteration 20 (9 iter/s, 2s/19 iter), loss = 0.5
I0416 10:00:03.000001   100 caffe.cpp:262] Optimization Done in 7s
"""
AUTHORS_LOG = """\
I0416 10:00:00.000001   160 solver.cpp:281] Solving Tiny
I0416 10:00:01.000001   160 solver.cpp:242] Iteration 0, loss = 1.4
I0416 10:00:02.000001   160 solver.cpp:242] Iteration 20, loss = 0.5
I0416 10:00:02.000003 160 solver.cpp:735] Snapshotting solver state to binary proto filerun_iter_20
I0416 10:00:03.000001   160 solver.cpp:331] Optimization Done.
"""


@pytest.mark.parametrize("log", [NVCAFFE_LOG, AUTHORS_LOG], ids=["NVCaffe", "the authors' Caffe"])
def test_the_logs_of_other_caffes(ssdh: Ssdh, folder: Path, log: str) -> None:
    """Made from the sources of NVCaffe 0.17 and of the SSDH authors' Caffe."""
    caffe = folder / "other_caffe"
    caffe.write_text(
        f"#!/bin/sh\n[ $1 = train ] || exit 0\ncat >&2 <<'END'\n{log}END\n"
        ": > run_iter_20.caffemodel; : > run_iter_20.solverstate\n"
    )
    caffe.chmod(0o755)
    ran = ssdh("train", "solver.prototxt", "--caffe", "./other_caffe")
    assert "iteration 20 of 20, loss 0.5" in ran.err
    assert "warning: " not in ran.err
    assert ran.out == "weights: run_iter_20.caffemodel\nnext: ssdh deploy\n"


@pytest.mark.parametrize(
    "words",
    [
        ("solver.prototxt", "--weights", "w.caffemodel"),
        ("-solver", "solver.prototxt", "-weights", "w.caffemodel"),
        ("-solver=solver.prototxt", "-weights=w.caffemodel"),
    ],
    ids=" ".join,
)
def test_solver_and_weights_as_users_of_caffe_type_them(
    ssdh: Ssdh, folder: Path, words: tuple[str, ...]
) -> None:
    (folder / "w.caffemodel").touch()
    ran = ssdh("train", *words, "--dry-run")
    assert ran.out == "caffe train --solver=solver.prototxt -weights w.caffemodel\n"


def test_the_other_options_in_caffes_spelling(ssdh: Ssdh, folder: Path) -> None:
    words = ("-gpu", "none", "-iterations", "5", "-snapshot", "s.solverstate", "--dry-run")
    ran = ssdh("train", "solver.prototxt", *words, "--", "-level", "1")
    assert ran.out == (
        "ssdh train --solver solver.prototxt --gpu none --iterations 5 --snapshot s.solverstate "
        "-- -level 1\n"
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("-level", "1", "-gpu", "0"), "-gpu 0 -- -level 1"),
        (("--solver", "s", "--stage=a", "--", "-level", "2"), "--solver s -- --stage=a -level 2"),
    ],
    ids=["apart", "joined"],
)
def test_an_option_of_caffes_own(
    ssdh: Ssdh, folder: Path, words: tuple[str, ...], line: str
) -> None:
    ran = ssdh("train", *words, code=2)
    assert ran.err.endswith(
        f"is an option of caffe's own, which goes after --\nhint: ssdh train {line}\n"
    )


def test_two_solvers(ssdh: Ssdh, folder: Path) -> None:
    ran = ssdh("train", "solver.prototxt", "--solver", "other.prototxt", code=2)
    assert ran.err.startswith("error: two solvers: solver.prototxt and --solver other.prototxt\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("solver.prototxt", "--weights", "googlenet.caffemodel"),
            "googlenet.caffemodel: no such file (--weights)\n"
            "hint: did you mean 'bvlc_googlenet.caffemodel'?\n",
        ),
        (
            ("solvr.prototxt",),
            "solvr.prototxt: cannot read: no such file\nhint: did you mean 'solver.prototxt'?\n",
        ),
    ],
    ids=["weights", "solver"],
)
def test_a_file_whose_name_is_nearly_right(
    ssdh: Ssdh, folder: Path, words: tuple[str, ...], message: str
) -> None:
    (folder / "bvlc_googlenet.caffemodel").touch()
    assert ssdh("train", *words, code=3).err == message


def test_a_train_net_of_the_other_usual_name(ssdh: Ssdh, folder: Path) -> None:
    (folder / "net.prototxt").rename(folder / "train.prototxt")
    assert ssdh("patch", "train_val.prototxt", code=3).err == (
        "train_val.prototxt: cannot read: no such file\nhint: did you mean 'train.prototxt'?\n"
    )


@pytest.mark.parametrize("words", [(), ("solver_ssdh.prototxt",)], ids=["workspace", "named"])
def test_a_patched_solver_that_was_deleted(
    ssdh: Ssdh, patched: Path, words: tuple[str, ...]
) -> None:
    (patched / "solver_ssdh.prototxt").unlink()
    assert ssdh("train", *words, code=3).err == (
        "solver_ssdh.prototxt: cannot read: no such file\n"
        "hint: ssdh.toml lists it as written; to write it again: ssdh patch train_val.prototxt "
        "--force\n"
    )


def test_with_another_folder_an_error_names_the_file_from_the_users_shell(
    ssdh: Ssdh, folder: Path
) -> None:
    (folder / "below").mkdir()
    ran = ssdh("-C", "below", "train", "solvr.prototxt", code=3)
    assert ran.err == "below/solvr.prototxt: cannot read: no such file\n"
    net = NET.replace('bottom: "fc"', 'bottom: "fc_"')
    (folder / "net.prototxt").write_text(net)
    ran = ssdh("-C", "below", "train", "../solver.prototxt", code=3)
    assert "\nnet.prototxt:7:54: error SSDH201 unknown-bottom: " in ran.err


class TestDryRun:
    """The line on stdout runs as it is."""

    def test_of_the_embedded_engine(self, ssdh: Ssdh, folder: Path) -> None:
        ran = ssdh("train", "solver.prototxt", "--engine", "torch", "--dry-run")
        assert ran.out == "ssdh train --solver solver.prototxt --engine torch\n"
        ssdh(*ran.out.split()[1:])
        assert (folder / "run_iter_20.caffemodel").is_file()

    def test_where_a_solver_copy_would_be_written(self, ssdh: Ssdh, folder: Path) -> None:
        ran = ssdh("train", "solver.prototxt", "--iterations", "5", "--gpu", "none", "--dry-run")
        assert ran.out == "ssdh train --solver solver.prototxt --gpu none --iterations 5\n"
        assert (
            "note: runs/solver-1/solver.prototxt would be written, with max_iter: 5, "
            "solver_mode: CPU, for: caffe train --solver=runs/solver-1/solver.prototxt\n"
        ) in ran.err
        assert not (folder / "runs").exists()

    @pytest.mark.caffe
    def test_where_caffe_has_no_gpu(self, ssdh: Ssdh, folder: Path) -> None:
        (folder / "solver.prototxt").write_text(SOLVER.replace("CPU", "GPU"))
        ran = ssdh("train", "solver.prototxt", "--dry-run")
        assert ran.out == "caffe train --solver=solver.prototxt\n"
        assert "cannot use GPU 0: " in ran.err
        assert ran.err.endswith(
            "note: the embedded engine would train: ssdh train --solver solver.prototxt --engine "
            "torch\n"
        )


@pytest.mark.parametrize("engine", [pytest.param("binary", marks=pytest.mark.caffe), "torch"])
class TestBothEngines:
    def test_a_run_leaves_log_command_and_solver(
        self, ssdh: Ssdh, folder: Path, engine: str
    ) -> None:
        ran = ssdh("train", "--solver", "solver.prototxt", "--engine", engine)
        assert (folder / "run_iter_20.caffemodel").is_file()
        left = sorted(path.name for path in (folder / "runs" / "solver-1").iterdir())
        assert left == ["run.json", "solver.prototxt", "train.log"]
        assert ran.out == "weights: run_iter_20.caffemodel\nnext: ssdh deploy\n"

    def test_several_test_nets_are_told_apart(self, ssdh: Ssdh, folder: Path, engine: str) -> None:
        text = SOLVER.replace("net:", "train_net:")
        text += 'test_net: "net.prototxt" test_net: "net.prototxt" test_iter: 2 test_iter: 3\n'
        (folder / "solver.prototxt").write_text(text + "test_interval: 20\n")
        ran = ssdh("train", "--solver", "solver.prototxt", "--engine", engine)
        told = re.findall(r"^iteration (\d+): test (.*) = ", ran.err, re.MULTILINE)
        nets = ["net #0 loss", "net #1 loss"]
        assert told == [(iteration, net) for iteration in ("0", "20") for net in nets]

    def test_a_run_without_a_snapshot_calls_for_no_deploy(
        self, ssdh: Ssdh, folder: Path, engine: str
    ) -> None:
        text = SOLVER + "snapshot_after_train: false\n"
        (folder / "solver.prototxt").write_text(text)
        ran = ssdh("train", "--solver", "solver.prototxt", "--engine", engine)
        assert not ran.out
        assert "this run wrote no snapshot" in ran.err

    def test_a_run_that_diverged_has_nothing_to_deploy(
        self, ssdh: Ssdh, folder: Path, engine: str
    ) -> None:
        text = SOLVER.replace("0.01", "1e38") + "weight_decay: 1\n"
        (folder / "solver.prototxt").write_text(text)
        words = ["train", "--solver", "solver.prototxt", "--engine", engine]
        ran = ssdh(*words, code=1)
        assert not ran.out
        # caffe goes on to the end, the embedded engine stops at once.
        words = {
            "binary": "error: the loss 'loss' became nan by iteration 10, and "
            "run_iter_20.caffemodel holds ",
            "torch": "param 0 of layer 'fc' became ",
        }
        assert words[engine] in ran.err

    def test_iterations_are_the_absolute_end_also_when_resuming(
        self, ssdh: Ssdh, folder: Path, engine: str
    ) -> None:
        words = ["train", "--solver", "solver.prototxt", "--engine", engine]
        ssdh(*words, "--iterations", "5")
        ssdh(*words, "--iterations", "8", "--resume")
        states = sorted(path.name for path in folder.glob("run_iter_*.solverstate"))
        assert states == ["run_iter_5.solverstate", "run_iter_8.solverstate"]

    def test_without_a_prefix_or_with_a_folder_for_one_a_run_is_found_again(
        self, ssdh: Ssdh, folder: Path, engine: str
    ) -> None:
        words = ["train", "--solver", "solver.prototxt", "--engine", engine]
        (folder / "kept").mkdir()
        for line, state in (("", "solver"), ('snapshot_prefix: "kept"', "kept/solver")):
            (folder / "solver.prototxt").write_text(SOLVER.replace('snapshot_prefix: "run"', line))
            ssdh(*words, "--iterations", "3")
            ssdh(*words, "--iterations", "4", "--resume")
            assert (folder / f"{state}_iter_4.solverstate").is_file()

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_one_signal_saves_and_the_printed_command_goes_on(
        self, ssdh: Ssdh, folder: Path, engine: str, number: signal.Signals
    ) -> None:
        (folder / "solver.prototxt").write_text(SOLVER.replace("max_iter: 20", "max_iter: 9000000"))
        words = ["train", "--solver", "solver.prototxt", "--engine", engine]
        command = [sys.executable, "-m", "ssdh_surgery", *words]
        with running(command, stderr=subprocess.PIPE, text=True) as process:
            log = folder / "runs" / "solver-1" / "train.log"
            deadline = time.monotonic() + 60
            while not (log.exists() and "Iteration 10," in log.read_text()):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(number)
            _, told = process.communicate(timeout=60)
        assert process.returncode == 130
        resume = re.search(r"^to resume: ssdh (train .*)$", told, re.MULTILINE)
        assert resume, told
        state = re.search(r"--snapshot (\S+)_iter_(\d+)\.solverstate", resume[1])
        assert state
        further = str(int(state[2]) + 3)
        ssdh(*resume[1].split(), "--iterations", further)
        assert (folder / f"run_iter_{further}.caffemodel").is_file()
