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
        process = subprocess.Popen(
            [sys.executable, "-m", "ssdh_surgery", *words],
            stderr=subprocess.PIPE,
            text=True,
        )
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
