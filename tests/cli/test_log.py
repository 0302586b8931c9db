"""`ssdh log`: summaries, CSV and JSON of logs, read while they grow."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.command_line import Ssdh
from support.paths import GOLDEN

LOGS = GOLDEN / "logs"
PREFIX = "I0410 10:00:0{}.000001   100 solver.cpp:1] "
HEADER = ["run", "iteration", "phase", "net", "output", "value", "lr", "elapsed"]


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def naive_outputs(text: str) -> list[tuple[str, str, str, float]]:
    """Iteration, phase, name and value of the outputs, by ten lines of regular expressions."""
    found, iteration = [], ""
    for line in text.splitlines():
        if match := re.search(r"\] Iteration (\d+)[ ,]", line):
            iteration = match[1]
        if match := re.search(r"\]     (Train|Test) net output #\d+: (\S+) = (\S+)", line):
            found.append((iteration, match[1].upper(), match[2], float(match[3])))
    return found


@pytest.mark.parametrize("name", ["finetune_ok", "finetune_ok_older_caffe", "resume_ok"])
def test_csv_has_every_output_of_a_recorded_run(ssdh: Ssdh, name: str) -> None:
    text = (LOGS / f"{name}.log").read_text()
    rows = csv_rows(ssdh("log", str(LOGS / f"{name}.log"), "--csv").out)
    assert list(rows[0]) == HEADER
    total = re.findall(r"Iteration (\d+).*, loss = (\S+)", text)
    outputs = [(r["iteration"], r["phase"], r["output"], float(r["value"])) for r in rows]
    for each in naive_outputs(text):
        outputs.remove(each)
    assert outputs == [(iteration, "TRAIN", "loss", float(loss)) for iteration, loss in total]
    rates = dict(re.findall(r"Iteration (\d+), lr = (\S+)", text))
    train = [row for row in rows if row["phase"] == "TRAIN" and row["iteration"] in rates]
    assert {(row["iteration"], float(row["lr"])) for row in train} == {
        (iteration, float(rate)) for iteration, rate in rates.items()
    }


def test_json_of_a_stopped_run(ssdh: Ssdh) -> None:
    answer = json.loads(ssdh("log", str(LOGS / "sigint_stop.log"), "--json").out)
    assert answer["ends"] == [{"run": 1, "how": "stopped"}]
    assert answer["snapshots"] == [
        {
            "run": 1,
            "iteration": 1830,
            "weights": "snapshots/ssdh_step_ssdh_iter_1830.caffemodel",
            "state": "snapshots/ssdh_step_ssdh_iter_1830.solverstate",
        }
    ]
    assert list(answer["rows"][0]) == HEADER


def test_no_number_is_null_in_json(ssdh: Ssdh) -> None:
    Path("x.log").write_text(PREFIX.format(0) + "Iteration 5, loss = -nan\n")
    (row,) = json.loads(ssdh("log", "x.log", "--json").out, parse_constant=pytest.fail)["rows"]
    assert row["value"] is None
    assert csv_rows(ssdh("log", "x.log", "--csv").out)[0]["value"] == "nan"


def test_the_summary_of_two_runs(ssdh: Ssdh) -> None:
    lines = [
        PREFIX.format(0) + "Solving tiny",
        PREFIX.format(1) + "Iteration 0, loss = 2.5",
        PREFIX.format(2) + "Iteration 0, lr = 0.1",
        PREFIX.format(3) + "Optimization Done.",
        PREFIX.format(4) + "Initializing solver from parameters: ",
        PREFIX.format(5) + "Resuming from tiny_iter_0.solverstate",
        PREFIX.format(6) + "Iteration 0, Testing net (#1)",
        PREFIX.format(7) + "    Test net output #0: accuracy = 0.75",
        "F" + PREFIX.format(8)[1:] + "Check failed: x",
    ]
    Path("train.log").write_text("\n".join(lines))
    assert ssdh("log", "train.log").out == (
        "run 1 of train.log, tiny: done\n"
        "  iterations 0 to 0 in 3 s, learning rate 0.1 at the end\n"
        "  TRAIN: loss 2.5\n"
        "\n"
        "run 2 of train.log: failed\n"
        "  Check failed: x\n"
        "  resumed from tiny_iter_0.solverstate\n"
        "  TEST 1: accuracy 0.75\n"
    )


def test_what_is_no_log(ssdh: Ssdh) -> None:
    Path("x.log").write_text("hello\n")
    assert ssdh("log", "x.log", code=3).err.startswith("x.log: no run of Caffe is in this log\n")
    assert ssdh("log", "no.log", code=3).err.startswith("no.log: cannot read: no such file")


def test_logs_of_windows_shells(ssdh: Ssdh) -> None:
    text = PREFIX.format(0) + "Iteration 5, loss = 2\r\n"
    Path("x.log").write_bytes(text.encode("utf-16"))
    assert csv_rows(ssdh("log", "x.log", "--csv").out)[0]["value"] == "2.0"


def test_a_log_that_grows_is_followed_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = Path("x.log")
    log.write_text(
        PREFIX.format(0) + "Iteration 5, loss = 2\n" + PREFIX.format(1) + "Iteration 5, lr"
    )
    command = [sys.executable, "-m", "ssdh_surgery", "log", "x.log", "--follow", "--csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("run,iteration")
        with log.open("a") as file:
            file.write(" = 0.1\n")
            file.flush()
            assert process.stdout.readline() == "1,5,TRAIN,,loss,2.0,0.1,0.0\n"
            file.write(PREFIX.format(2) + "Optimization Done.\n")
        assert process.stdout.read() == ""
    assert process.returncode == 0
