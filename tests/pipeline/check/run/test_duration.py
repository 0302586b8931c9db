"""Times until the first snapshot, the first step, and through the first test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.pipeline.check.target import Target
from support.checked_run import findings

# 192 x 1,000,000 multiply-adds an image, three times for an image that is learned from.
WIDE = {"width": 1_000_000}
CPU = "solver_mode: CPU max_iter: 4000000 "


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ssdh_surgery.pipeline.check.run.duration.processors", lambda: 2)
    for other in ("memory", "snapshot_size"):
        monkeypatch.setattr(f"ssdh_surgery.pipeline.check.run.{other}.findings", lambda _: ())
    return tmp_path


def test_a_snapshot_after_more_than_a_day(folder: Path) -> None:
    """4 images x 3 x 192,000,000 / 30,000,000,000: 0.0768 s an iteration."""
    found = findings(folder, CPU + "snapshot: 3000000", **WIDE)
    assert found["late-snapshot"].message == (
        "the first snapshot is written at iteration 3,000,000, after about 3 days at an assumed "
        "30 billion multiply-adds a second (2 cores)"
    )
    assert "snapshot: 90000 " in (found["late-snapshot"].hint or "")
    assert "late-snapshot" not in findings(folder, CPU + "snapshot: 1000000", **WIDE)
    # Without an interval the first one is the last one.
    assert "late-snapshot" in findings(folder, CPU, **WIDE)
    assert "late-snapshot" in findings(folder, CPU + "snapshot: 1000000 iter_size: 2", **WIDE)


def test_a_gpu_is_faster(folder: Path) -> None:
    gpu = CPU.replace("CPU", "GPU") + "snapshot: 3000000"
    assert "late-snapshot" not in findings(folder, gpu, **WIDE)
    assert "late-snapshot" in findings(folder, gpu, target=Target(gpu="none"), **WIDE)
    # Nor is it known where a solver without a mode runs.
    assert "late-snapshot" not in findings(folder, "max_iter: 4000000", **WIDE)


def test_a_step_after_more_than_a_day(folder: Path) -> None:
    solver = CPU + 'snapshot: 1000 lr_policy: "multistep" gamma: 0.1 stepvalue: '
    found = findings(folder, solver + "2000000 stepvalue: 3000000", **WIDE)
    assert list(found) == ["late-step"]
    assert found["late-step"].severity == "info"
    assert "iteration 2,000,000, after about 43 hours at" in found["late-step"].message
    assert not findings(folder, solver + "1000000 stepvalue: 3000000", **WIDE)
    # A step that never comes is another finding's.
    assert not findings(folder, solver + "5000000", **WIDE)


def test_a_first_test_without_a_word(folder: Path) -> None:
    """24,000 x 4 images x 192,000,000 / 30,000,000,000: 614 s."""
    solver = "solver_mode: CPU test_interval: 1000 test_iter: "
    found = findings(folder, solver + "24000", **WIDE)
    assert list(found) == ["long-first-test"]
    assert found["long-first-test"].severity == "info"
    assert "Caffe tests 24,000 batches without a word, for about 10 minutes at" in (
        found["long-first-test"].message
    )
    assert not findings(folder, solver + "23000", **WIDE)
    assert not findings(folder, solver + "24000 test_initialization: false", **WIDE)
    assert not findings(folder, solver + "24000", snapshot="run_iter_1.solverstate", **WIDE)
