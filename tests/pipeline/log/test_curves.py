"""The curves of runs, as their logs have them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

from ssdh_surgery.pipeline.log.curves import CurveCollector
from ssdh_surgery.pipeline.log.log import read_logs
from ssdh_surgery.report.training_curves import Curve, RunCurves, chance_lines
from support.paths import GOLDEN

PREFIX = "I0410 10:00:00.000001   100 solver.cpp:1] "
NET = """\
name: "tiny"
layer { name: "data" type: "Data" top: "data" top: "label" }
layer {
  name: "fc"
  type: "InnerProduct"
  bottom: "data"
  top: "fc"
  inner_product_param {
    num_output: 10
  }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" }
"""


def curves_of(*files: Path, classes: int | None = None) -> list[RunCurves]:
    collector = CurveCollector(classes)
    for run, event in read_logs([str(file) for file in files]):
        collector.note(run, event)
    return collector.runs()


def curves_of_lines(tmp_path: Path, lines: Iterable[str]) -> list[RunCurves]:
    log = tmp_path / "x.log"
    log.write_text("".join(f"{PREFIX}{line}\n" for line in lines))
    return curves_of(log)


def curve(run: RunCurves, panel: str, name: str, *, is_test: bool = False) -> Curve:
    [one] = [c for c in run.curves if (c.panel, c.name, c.is_test) == (panel, name, is_test)]
    return one


def test_the_curves_of_a_recorded_run() -> None:
    log = GOLDEN / "logs" / "finetune_ok.log"
    [run] = curves_of(log)
    losses = [float(x) for x in re.findall(r"Iteration \d+.*, loss = (\S+)", log.read_text())]
    assert curve(run, "loss", "loss").values == losses
    right = [float(x) for x in re.findall(r"Test net .* accuracy = (\S+)", log.read_text())]
    assert curve(run, "score", "accuracy", is_test=True).values == right
    rates = [float(x) for x in re.findall(r"lr = (\S+)", log.read_text())]
    assert curve(run, "learning rate", "learning rate").values == rates
    assert {c.name for c in run.curves if c.panel == "codes"} == {"fire_rate", "forcing_binary"}


def test_a_resumed_run_is_one_curve_without_what_was_done_twice(tmp_path: Path) -> None:
    [run] = curves_of_lines(
        tmp_path,
        [
            *("Solving tiny", "Iteration 0, loss = 3", "Iteration 10, loss = 2"),
            "Snapshotting to binary proto file a_iter_10.caffemodel",
            "Snapshotting solver state to binary proto file a_iter_10.solverstate",
            *("Iteration 20, loss = 99", "Initializing solver from parameters: "),
            *("Resuming from here/a_iter_10.solverstate", "Solving tiny"),
            *("Iteration 20, loss = 1.5", "Iteration 30, loss = 1"),
        ],
    )
    whole = curve(run, "loss", "loss")
    assert whole.iterations == [0, 10, 20, 30]
    assert whole.values == [3, 2, 1.5, 1]


def test_the_classes_are_those_of_the_net_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text(
        f"{PREFIX}Initializing net from parameters: \n{NET}{PREFIX}Creating layer data\n"
        f"{PREFIX}Iteration 0, loss = 2.3\n"
    )
    runs = curves_of(log)
    assert chance_lines(runs) == {"chance for 10 classes": math.log(10)}
    assert chance_lines(curves_of(log, classes=4)) == {"chance for 4 classes": math.log(4)}


def test_a_long_curve_keeps_its_extremes() -> None:
    values = [math.sin(i / 1000) for i in range(100_000)]
    values[12_345], values[54_321] = 7.0, math.nan
    long = Curve("loss", "loss", False, list(range(100_000)), values)
    iterations, drawn = long.points(1000)
    assert len(drawn) <= 1000
    assert iterations == sorted(iterations)
    assert (max(drawn), min(drawn)) == (7.0, min(v for v in values if not math.isnan(v)))
    assert long.first_not_finite() == 54_321
