"""Event files, read back with TensorBoard's own library."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest

from ssdh_surgery.engines import events
from ssdh_surgery.errors import FileError
from ssdh_surgery.pipeline.train.event_files import EventFiles
from ssdh_surgery.pipeline.train.sample_health import SampleHealth
from ssdh_surgery.retrieval.codes.health import health_of
from support.tensorboard import scalars


def test_numbers_are_read_back(tmp_path: Path) -> None:
    folder = tmp_path / "tb" / "run"
    with EventFiles(folder) as files:
        for event in (
            events.Iteration(0, 2.5),
            events.TrainOutput(0, 0, "loss3/loss3", 2.25, 1.0, 2.25),
            events.LearningRate(0, 0.01),
            events.Iteration(10, math.nan, rate=4.0),
            events.TestOutput(10, 0, "accuracy", 0.5),
            events.TestOutput(10, 0, "accuracy", 0.25, net=1),
            events.TrainingEnd(),
        ):
            files.show(event)
        codes = np.array([[0b10000000], [0b11000000]], np.uint8)
        files.show_codes(SampleHealth(health_of(codes, 2)), 10)
    read = scalars(folder)
    assert read["train/loss3/loss3"] == [(0, 2.25)]
    assert read["train/learning_rate"] == [(0, pytest.approx(0.01))]
    assert read["train/iterations_per_second"] == [(10, 4.0)]
    assert read["test/accuracy"] == [(10, 0.5)]
    assert read["test1/accuracy"] == [(10, 0.25)]
    assert read["codes/distinct"] == [(10, 2.0)]
    first, last = read["train/total_loss"]
    assert first == (0, 2.5)
    assert last[0] == 10
    assert math.isnan(last[1])


def test_a_resumed_run_replaces_what_came_after_its_snapshot(tmp_path: Path) -> None:
    for resumed_at, iterations in ((None, (0, 10, 20)), (10, (10, 20, 30))):
        with EventFiles(tmp_path, resumed_at) as files:
            for iteration in iterations:
                files.show(events.Iteration(iteration, 1.0 if resumed_at else 2.0))
        time.sleep(1.1)  # the files are named after the second
    assert scalars(tmp_path)["train/total_loss"] == [(0, 2.0), (10, 1.0), (20, 1.0), (30, 1.0)]


def test_a_file_where_the_folder_would_be(tmp_path: Path) -> None:
    (tmp_path / "tb").touch()
    with pytest.raises(FileError, match="cannot write event files: a file of that name exists"):
        EventFiles(tmp_path / "tb")


def test_the_writer_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with EventFiles(tmp_path) as files:
        files.show(events.Iteration(0, math.inf))
        files.show(events.TestOutput(0, 0, "an accuracy", 0.5))
    assert capsys.readouterr() == ("", "")
    assert scalars(tmp_path)["test/an_accuracy"] == [(0, 0.5)]
