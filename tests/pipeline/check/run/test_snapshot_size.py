"""Snapshots against the room on a real, small file system."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssdh_surgery.caffe.shapes.memory import FLOAT_BYTES
from support.caffe_runs import train
from support.checked_run import findings
from support.small_disk import small_disk


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# 3 x 8 x 8 inputs.
def width(kilobytes: int) -> int:
    return kilobytes * 1024 // (193 * FLOAT_BYTES)


def test_a_snapshot_that_does_not_fit(folder: Path) -> None:
    with small_disk(folder, "1m"):
        found = findings(folder, 'snapshot_prefix: "disk/run"', width=width(700), prefix="disk/run")
        assert str(found["snapshot-too-large"]).splitlines()[0] == (
            "solver.prototxt:2:18: error SSDH507 snapshot-too-large: a snapshot takes 1.4 MiB "
            "(700 KiB of weights, 700 KiB of solver state), and the disk of disk has 1 MiB free"
        )
        # A folder that does not exist yet is on the disk of the one above it.
        assert "snapshot-too-large" in findings(folder, width=width(700), prefix="disk/new/run")
        assert not findings(folder, width=width(400), prefix="disk/run")
        # Adam remembers two values for each param.
        adam = 'type: "Adam" momentum: 0.9'
        assert "snapshot-too-large" in findings(folder, adam, width=width(400), prefix="disk/run")
        assert not findings(
            folder, "snapshot_after_train: false", width=width(700), prefix="disk/run"
        )


def test_snapshots_that_do_not_all_fit(folder: Path) -> None:
    with small_disk(folder, "1m"):
        options = {"width": width(100), "prefix": "disk/run"}
        found = findings(folder, "snapshot: 10", **options)
        assert list(found) == ["snapshots-fill-disk"]
        assert found["snapshots-fill-disk"].message.startswith("9 snapshots of 199 KiB (")
        assert found["snapshots-fill-disk"].hint == (
            "snapshot: 18 (ssdh patch --set snapshot=18, or edit the solver)"
        )
        assert not findings(folder, "snapshot: 18", **options)
        assert not findings(folder, "snapshot: 10", snapshot="run_iter_1.solverstate", **options)


@pytest.mark.caffe
@pytest.mark.parametrize(("kind", "history"), [("SGD", 1), ("Adam", 2), ("AdaDelta", 2)])
def test_the_files_that_caffe_writes(kind: str, history: int, folder: Path) -> None:
    more = "delta: 1e-6" if kind == "AdaDelta" else ""
    changes = [
        ('type: "SGD"', f'type: "{kind}" {more}'),
        ("snapshot_after_train: false", ""),
        ("max_iter: 20", "max_iter: 1"),
    ]
    assert not train(folder, solver=changes).returncode
    weights, state = (
        (folder / f"snap_sgd_step_ssdh_iter_1.{file}").stat().st_size
        for file in ("caffemodel", "solverstate")
    )
    # 3,258 params; the rest of the weights is the text of the net.
    assert weights == pytest.approx(FLOAT_BYTES * PARAMS, abs=4000)
    assert state == pytest.approx(FLOAT_BYTES * PARAMS * history, abs=1000)


PARAMS = 6 * 25 + 6 + 4 * 6 + 4 + 4 * 6 * 9 + 4 + 16 * 128 + 16 + 10 * 16 + 10
