"""What `ssdh train` reports of a run: alarms that stop it, codes, lines of JSON, event files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.command_line import Ssdh
from support.digits_run import TESTED, write_digits
from support.paths import DOCS
from support.tensorboard import scalars

pytestmark = pytest.mark.usefixtures("default_signals")
both_engines = pytest.mark.parametrize(
    "engine", [pytest.param("binary", marks=pytest.mark.caffe), "torch"]
)


@pytest.fixture
def folder(ssdh: Ssdh, tmp_path: Path) -> Path:
    write_digits(ssdh, tmp_path)
    return tmp_path


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def measured(text: str) -> dict[int, tuple[int, int, float]]:
    """Distinct codes, all codes, and mAP, by the iteration of the line."""
    found = re.findall(
        r"^iteration (\d+): codes: (\d+) distinct of (\d+), mAP about ([\d.]+), .* bits dead, .*"
        r"quantisation error 0\.\d\d, \d+% of the bits equal within a class",
        text,
        re.MULTILINE,
    )
    return {int(each[0]): (int(each[1]), int(each[2]), float(each[3])) for each in found}


def test_the_codes_are_measured_at_every_test_of_the_embedded_engine(
    ssdh: Ssdh, folder: Path
) -> None:
    ran = ssdh("train", "--engine", "torch")
    codes = measured(ran.err)
    assert sorted(codes) == [0, 100, 150, 200, 300]  # 150 is a snapshot
    assert {count for _, count, _ in codes.values()} == {TESTED}
    # All ones at first, so that the order is chance: about the share of a class.
    assert codes[0][0] == 1
    assert codes[0][2] == pytest.approx(0.11, abs=0.02)
    assert codes[300][2] > 0.6
    last = re.findall(r"^iteration 250 of 300, .*", ran.err, re.MULTILINE)[-1]
    assert last.endswith(f"codes: {codes[200][0]} distinct of 300, mAP about {codes[200][2]:.2f}")
    assert "collapsed" not in ran.err


def test_the_sample_of_a_test_has_the_codes_of_the_snapshot(ssdh: Ssdh, folder: Path) -> None:
    """What a test sees of the last weights is what `ssdh encode` makes of them."""
    ran = ssdh("train", "--engine", "torch")
    ssdh("deploy")
    ssdh("encode", "TEST_lmdb", "-o", "codes.npz")
    encoded = json.loads(ssdh("encode", "TEST_lmdb", "-o", "again.npz", "--json").out)
    assert measured(ran.err)[300][0] == encoded["health"]["distinct"]


@pytest.mark.caffe
def test_of_caffe_itself_each_snapshot_is_measured(ssdh: Ssdh, folder: Path) -> None:
    codes = measured(ssdh("train", "--engine", "binary").err)
    assert sorted(codes) == [150, 300]
    assert codes[300][1:] == (TESTED, pytest.approx(0.8, abs=0.2))


@both_engines
class TestStopOn:
    def stuck(self, folder: Path, engine: str) -> None:
        """A net whose scores stay at 0, in a run that is long for its engine."""
        net, solver = folder / "net.prototxt", folder / "solver.prototxt"
        net.write_text(
            net.read_text().replace(
                'num_output: 10 weight_filler { type: "xavier" }',
                'num_output: 10 weight_filler { type: "gaussian" std: 1e-5 }',
            )
        )
        text = solver.read_text().replace("base_lr: 1 ", "base_lr: 1e-7 ")
        text = text.replace("display: 50", "display: 20").replace("snapshot: 150", "")
        length = {"binary": 60000, "torch": 4000}[engine]
        text = text.replace("max_iter: 300", f"max_iter: {length}")
        solver.write_text(text.replace("test_interval: 100", f"test_interval: {length}"))

    def test_chance(self, ssdh: Ssdh, folder: Path, engine: str) -> None:
        self.stuck(folder, engine)
        ran = ssdh("train", "solver.prototxt", "--engine", engine, "--stop-on", "chance", code=1)
        assert ran.err.count("has stayed at 2.3") == 1
        error = re.search(
            r"^error: the run was stopped on chance at iteration (\d+), by 'loss'\n"
            r"hint: mend the cause and start anew with --force; to go on all the same: ssdh "
            r"(train .*)$",
            ran.err,
            re.MULTILINE,
        )
        assert error, ran.err
        state = re.search(r"--snapshot (\S+_iter_(\d+)\.solverstate)$", error[2])
        assert state
        assert (folder / state[1]).is_file()
        assert int(state[2]) < {"binary": 60000, "torch": 4000}[engine]
        further = str(int(state[2]) + 2)
        ssdh(*error[2].split(), "--iterations", further)

    def test_of_another_kind_only_a_warning(self, ssdh: Ssdh, folder: Path, engine: str) -> None:
        self.stuck(folder, engine)
        words = ("--stop-on", "nan,saturation,collapse", "--iterations", "400")
        ran = ssdh("train", "solver.prototxt", "--engine", engine, *words)
        assert "has stayed at 2.3" in ran.err

    def test_nan(self, ssdh: Ssdh, folder: Path, engine: str) -> None:
        file = folder / "solver.prototxt"
        file.write_text(re.sub(r"base_lr: 1 ", "base_lr: 1e30 ", file.read_text()))
        ran = ssdh("train", "solver.prototxt", "--engine", engine, "--stop-on", "nan", code=1)
        assert "became nan" in ran.err or " is nan" in ran.err or "holds" in ran.err
        assert "next:" not in ran.out


def test_a_kind_that_does_not_exist(ssdh: Ssdh, folder: Path) -> None:
    ran = ssdh("train", "--stop-on", "chance,nam", code=2)
    assert "did you mean 'nan'?" in ran.err


@both_engines
def test_lines_of_json(ssdh: Ssdh, folder: Path, engine: str) -> None:
    ran = ssdh("train", "--engine", engine, "--json-lines")
    lines = json_lines(ran.out)
    assert lines[0]["event"] == "run_start"
    assert {line["event"] for line in lines} >= {
        *("iteration", "train_output", "learning_rate", "test_start", "test_end", "test_output"),
        *("snapshot", "codes", "run_exit"),
    }
    assert lines[-1] == {
        "event": "end",
        "exit_code": 0,
        "iteration": 300,
        "weights": "digits_ssdh_iter_300.caffemodel",
        "resume": None,
        "next": "ssdh deploy",
    }
    codes = [line for line in lines if line["event"] == "codes"]
    assert len(codes[-1]["fire_rates"]) == 16
    assert codes[-1]["map"] > 0.6
    page = (DOCS / "json.md").read_text()
    section = page[page.index("## `ssdh train --json-lines`") :]
    for line in lines:
        assert f"`{line['event']}`" in section
        for key in line:
            assert f"`{key}`" in section, key


@both_engines
def test_event_files(ssdh: Ssdh, folder: Path, engine: str) -> None:
    ran = ssdh("train", "--engine", engine, "--tensorboard", "tb", "--json-lines")
    read = scalars(folder / "tb")
    lines = json_lines(ran.out)
    for tag, event, key, name in (
        ("train/total_loss", "iteration", "loss", None),
        ("train/learning_rate", "learning_rate", "rate", None),
        ("train/loss", "train_output", "value", "loss"),
        ("test/accuracy", "test_output", "value", "accuracy"),
        ("codes/map", "codes", "map", None),
        ("codes/distinct", "codes", "distinct", None),
    ):
        expected = [
            (line["iteration"], pytest.approx(line[key]))
            for line in lines
            if line["event"] == event and (name is None or line["name"] == name)
        ]
        assert expected
        assert read[tag] == expected, tag


class TestForks:
    """Logs as other Caffes write them, of a run that did not learn."""

    def run(self, ssdh: Ssdh, folder: Path, log: str, *words: str, code: int = 0) -> str:
        caffe = folder / "caffe"
        caffe.write_text(f"#!/bin/sh\ncat {folder}/log >&2\n")
        caffe.chmod(0o755)
        (folder / "log").write_text(log)
        options = ("--engine", "binary", "--caffe", caffe, "--no-check", *words)
        return ssdh("train", "solver.prototxt", *options, code=code).err

    def test_nvcaffe(self, ssdh: Ssdh, folder: Path) -> None:
        rows = ["I0416 10:00:00.000001   160 solver.cpp:281] Solving digits"]
        for number in range(0, 300, 20):
            prefix = f"I0416 10:00:{number // 20:02d}.000001   160 solver.cpp:317]"
            rows += [
                f"{prefix} Iteration {number} (9.8 iter/s, 2.0s/20 iter), loss = 2.3",
                f"{prefix}     Train net output #0: loss = 2.3026 (* 1 = 2.3026 loss)",
                f"{prefix} Iteration {number}, lr = 0, m = 0.9, wd = 0",
            ]
        rows.append("I0416 10:00:20.000001   160 caffe.cpp:250] Optimization Done in 12s")
        told = self.run(ssdh, folder, "\n".join(rows) + "\n", "--stop-on", "chance", code=1)
        assert told.count("the loss 'loss' has stayed at 2.303, which is chance for 10") == 1
        assert "warning: the learning rate is 0 since iteration 0: " in told
        assert "the run ended before it could be stopped on chance at iteration 120" in told
